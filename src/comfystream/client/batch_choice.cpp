// SPDX-License-Identifier: Apache-2.0
#include "comfystream/client/batch_choice.hpp"

#include "comfystream/core/user_cache.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace comfystream::client {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kSame = 0.98;  // of the best speed: less than what two measurements differ by

std::string figures(const stream::BenchRow& row) {
  char text[96];
  std::snprintf(text, sizeof text, "%d: %.1f FPS, %.1f ms", row.batch_size, row.fps.median, row.latency_ms.median);
  return text;
}

std::string milliseconds(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g ms", value);
  return text;
}

Json read_all(const std::filesystem::path& file) {
  std::ifstream in(file);
  Json all = Json::parse(in, nullptr, false);
  return all.is_object() ? all : Json::object();
}

}  // namespace

BatchChoice choose_batch_size(std::span<const stream::BenchRow> rows, std::optional<double> latency_ms) {
  const auto meets = [&](const stream::BenchRow& row) { return !latency_ms || row.latency_ms.median <= *latency_ms; };
  double best = 0;
  for (const auto& row : rows) best = meets(row) ? std::max(best, row.fps.median) : best;
  const stream::BenchRow* chosen = nullptr;
  for (const auto& row : rows) {
    if (!meets(row) || row.fps.median < kSame * best) continue;
    if (chosen == nullptr || row.batch_size < chosen->batch_size) chosen = &row;
  }
  std::string reason = latency_ms ? "the fastest within " + milliseconds(*latency_ms) : "the fastest";
  if (chosen == nullptr) {
    chosen = &*std::ranges::min_element(rows, {}, [](const auto& row) { return row.latency_ms.median; });
    reason = "none is within " + milliseconds(*latency_ms) + ", this one is nearest";
  }
  std::string measured;
  for (const auto& row : rows) measured += (measured.empty() ? "" : "; ") + figures(row);
  return {chosen->batch_size, reason + " (" + measured + ")"};
}

BatchChoices::BatchChoices(const std::filesystem::path& folder) {
  if (!folder.empty()) file_ = folder / "batch-sizes.json";
}

std::optional<BatchChoice> BatchChoices::find(const std::string& key) const {
  if (file_.empty()) return std::nullopt;
  const Json all = read_all(file_);
  const auto entry = all.find(key);
  if (entry == all.end() || !entry->is_object()) return std::nullopt;
  const auto size = entry->find("batch_size");
  const auto why = entry->find("why");
  if (size == entry->end() || !size->is_number_integer() || why == entry->end() || !why->is_string()) {
    return std::nullopt;
  }
  const int batch_size = size->get<int>();
  if (batch_size < 1) return std::nullopt;
  return BatchChoice{batch_size, why->get<std::string>()};
}

void BatchChoices::remember(const std::string& key, const BatchChoice& choice) const {
  if (file_.empty()) return;
  Json all = read_all(file_);
  all[key] = {{"batch_size", choice.batch_size}, {"why", choice.why}};
  replace_cache_file(file_, [&](std::ostream& out) { out << all.dump(1) << '\n'; });
}

}  // namespace comfystream::client
