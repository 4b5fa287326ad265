// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/weight_map.hpp"

#include <algorithm>
#include <charconv>

#include "comfystream/error.hpp"

namespace comfystream::weights {

void WeightMap::insert(std::string name, Tensor tensor) { tensors_.insert_or_assign(std::move(name), std::move(tensor)); }

void WeightMap::set_metadata(std::string key, std::string value) {
  metadata_.insert_or_assign(std::move(key), std::move(value));
}

bool WeightMap::contains(std::string_view name) const { return tensors_.find(name) != tensors_.end(); }

const Tensor* WeightMap::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

const Tensor& WeightMap::at(std::string_view name) const {
  if (const Tensor* tensor = find(name)) return *tensor;
  const std::string where = origin_.empty() ? "the model" : "'" + origin_ + "'";
  throw Error(ErrorCode::kNotFound, "no tensor '" + std::string(name) + "' in " + where,
              "is it a file of the kind of model that the node loads?");
}

WeightMap WeightMap::with_prefix_removed(std::string_view prefix) const {
  WeightMap result(origin_);
  result.metadata_ = metadata_;
  for (auto it = tensors_.lower_bound(prefix); it != tensors_.end() && it->first.starts_with(prefix); ++it) {
    result.tensors_.emplace(it->first.substr(prefix.size()), it->second);
  }
  return result;
}

std::int64_t WeightMap::count_indexed(std::string_view prefix) const {
  // A name's digits are read with a bound, so that "blocks.99999999999.x" in a hostile file is no index at all.
  constexpr std::int64_t kMostBlocks = 100'000;
  std::int64_t count = 0;
  for (auto it = tensors_.lower_bound(prefix); it != tensors_.end() && it->first.starts_with(prefix); ++it) {
    const char* begin = it->first.data() + prefix.size();
    const char* end = it->first.data() + it->first.size();
    std::int64_t index = 0;
    const auto parsed = std::from_chars(begin, end, index);
    const bool is_index = parsed.ec == std::errc{} && parsed.ptr != end && *parsed.ptr == '.';
    if (is_index && index >= 0 && index < kMostBlocks) count = std::max(count, index + 1);
  }
  return count;
}

}  // namespace comfystream::weights
