// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/tuning_cache.hpp"

#include "comfystream/core/user_cache.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

namespace comfystream::backend::cuda {

std::string cache_file_name(const std::string& key) {
  std::string name = key;
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.'; }, '_');
  return name;
}

TuningCache::TuningCache(const std::filesystem::path& folder, const std::string& key) {
  if (folder.empty()) return;
  file_ = folder / (cache_file_name(key) + ".tuning");
  read();
}

void TuningCache::read() {
  std::ifstream in(file_);
  for (std::string line; std::getline(in, line);) {
    const auto tab = line.find('\t');
    if (tab != std::string::npos) choices_.try_emplace(line.substr(0, tab), line.substr(tab + 1));
  }
}

std::optional<std::string> TuningCache::find(const std::string& problem) const {
  const std::lock_guard lock(mutex_);
  const auto known = choices_.find(problem);
  if (known == choices_.end()) return std::nullopt;
  return known->second;
}

void TuningCache::insert(const std::string& problem, const std::string& choice) {
  const std::lock_guard lock(mutex_);
  choices_[problem] = choice;
}

void TuningCache::save() {
  if (file_.empty()) return;
  const std::lock_guard lock(mutex_);
  read();
  replace_cache_file(file_, [this](std::ostream& out) {
    for (const auto& [problem, choice] : choices_) out << problem << '\t' << choice << '\n';
  });
}

}  // namespace comfystream::backend::cuda
