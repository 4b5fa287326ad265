// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/report.hpp"

#include "comfystream/error.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

namespace comfystream::stream {
namespace {

using Json = nlohmann::ordered_json;

double milliseconds(Duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

Json frames_json(const StreamCounters& counters) {
  return {{"in", counters.entered},      {"out", counters.done + counters.passthrough},
          {"done", counters.done},       {"passthrough", counters.passthrough},
          {"dropped", counters.dropped}, {"failed", counters.failed},
          {"flushed", counters.flushed}, {"refused", counters.refused}};
}

Json latency_json(const DurationHistogram& latency) {
  return {{"p50", milliseconds(latency.quantile(0.50))},
          {"p95", milliseconds(latency.quantile(0.95))},
          {"p99", milliseconds(latency.quantile(0.99))},
          {"mean", milliseconds(latency.mean())},
          {"max", milliseconds(latency.max())}};
}

Json batches_json(const Metrics& metrics) {
  Json histogram = Json::object();
  std::uint64_t frames = 0;
  for (std::size_t size = 1; size < metrics.batch_sizes().size(); ++size) {
    const std::uint64_t count = metrics.batch_sizes()[size];
    frames += count * size;
    if (count > 0) histogram[std::to_string(size)] = count;
  }
  const double mean =
      metrics.batches() == 0 ? 0.0 : static_cast<double>(frames) / static_cast<double>(metrics.batches());
  return {{"count", metrics.batches()},
          {"failed", metrics.failed_batches()},
          {"mean_size", mean},
          {"histogram", histogram},
          {"padding_rows", metrics.padding_rows()}};
}

Json stages_json(const Metrics& metrics) {
  Json stages = Json::object();
  for (std::size_t i = 0; i < kStages; ++i) {
    const auto stage = static_cast<Stage>(i);
    const DurationHistogram& times = metrics.stage(stage);
    stages[std::string(to_string(stage))] = {{"mean", milliseconds(times.mean())},
                                             {"p95", milliseconds(times.quantile(0.95))},
                                             {"total", milliseconds(times.total())}};
  }
  return stages;
}

}  // namespace

Json make_report(const PipelineStats& stats, const MemoryUse& memory, const std::vector<StartupTime>& startup) {
  Json report;
  report["frames"] = frames_json(stats.total.counters);
  report["fps"] = stats.total.fps();
  report["latency_ms"] = latency_json(stats.total.latency);
  report["batches"] = batches_json(stats.batches);
  report["stages_ms"] = stages_json(stats.batches);
  report["plan_swaps"] = stats.plan_swaps;
  report["memory"] = {{"peak_bytes", memory.peak},
                      {"anonymous_bytes", memory.anonymous},
                      {"mapped_bytes", memory.mapped},
                      {"shared_bytes", memory.shared}};
  report["startup_ms"] = Json::object();
  for (const StartupTime& part : startup) report["startup_ms"][part.part] = milliseconds(part.time);
  report["streams"] = Json::array();
  for (const StreamStats& stream : stats.streams) {
    report["streams"].push_back({{"stream_id", stream.stream_id},
                                 {"frames", frames_json(stream.flow.counters)},
                                 {"fps", stream.flow.fps()},
                                 {"latency_ms", latency_json(stream.flow.latency)}});
  }
  return report;
}

void write_report(const Json& report, const std::filesystem::path& path) {
  std::filesystem::path part = path;
  part += ".part";
  std::ofstream file(part);
  file << report.dump(2) << '\n';
  file.close();
  const int reason = errno;
  std::error_code error;
  if (file) std::filesystem::rename(part, path, error);
  if (file && !error) return;
  const std::string why = error ? error.message() : std::strerror(reason);
  std::filesystem::remove(part, error);
  throw Error(ErrorCode::kIo, "cannot write the report " + path.string() + ": " + why,
              "check that the folder exists and has room");
}

}  // namespace comfystream::stream
