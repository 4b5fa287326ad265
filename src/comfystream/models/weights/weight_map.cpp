// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/weight_map.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <charconv>

namespace comfystream::weights {

void WeightMap::insert(std::string name, Tensor tensor) {
  tensors_.insert_or_assign(std::move(name), std::move(tensor));
}

void WeightMap::insert_unsupported(std::string name, std::string dtype) {
  unsupported_.insert_or_assign(std::move(name), std::move(dtype));
}

void WeightMap::set_metadata(std::string key, std::string value) {
  metadata_.insert_or_assign(std::move(key), std::move(value));
}

bool WeightMap::contains(std::string_view name) const {
  return tensors_.find(name) != tensors_.end() || unsupported_.find(name) != unsupported_.end();
}

const Tensor* WeightMap::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found != tensors_.end()) return &found->second;
  const auto refused = unsupported_.find(name);
  if (refused == unsupported_.end()) return nullptr;
  throw Error(ErrorCode::kUnsupported,
              "tensor '" + refused->first + "' of " + quoted_origin() + " is stored as " + refused->second,
              "use a float32, float16 or bfloat16 file of this model");
}

const Tensor& WeightMap::at(std::string_view name) const {
  if (const Tensor* tensor = find(name)) return *tensor;
  throw Error(ErrorCode::kNotFound, "no tensor '" + std::string(name) + "' in " + quoted_origin(),
              "is it a file of the kind of model that the node loads?");
}

std::string WeightMap::quoted_origin() const { return origin_.empty() ? "the model" : "'" + origin_ + "'"; }

WeightMap WeightMap::with_prefix_removed(std::string_view prefix) const {
  WeightMap result = emptied();
  const auto take = [prefix](const auto& from, auto& to) {
    for (auto it = from.lower_bound(prefix); it != from.end() && it->first.starts_with(prefix); ++it) {
      to.emplace(it->first.substr(prefix.size()), it->second);
    }
  };
  take(tensors_, result.tensors_);
  take(unsupported_, result.unsupported_);
  return result;
}

WeightMap WeightMap::emptied() const {
  WeightMap result(origin_);
  result.metadata_ = metadata_;
  result.mapping_ = mapping_;
  return result;
}

void WeightMap::drop_pages() const noexcept {
  for (const auto& [name, tensor] : tensors_) drop_pages(tensor);
}

void WeightMap::drop_pages(const Tensor& tensor) const noexcept {
  if (mapping_) mapping_->drop_pages(tensor.bytes());
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
