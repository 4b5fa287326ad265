// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/key_maps/key_mapper.hpp"

#include "comfystream/error.hpp"

#include <algorithm>

namespace comfystream::weights {
namespace {

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i == 0 ? "'" : ", '") + names[i] + "'";
  if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
  return text;
}

std::string quoted(const WeightMap& weights) {
  return weights.origin().empty() ? "the model" : "'" + weights.origin() + "'";
}

}  // namespace

void KeyMapper::layer(const std::string& from, const std::string& to) {
  tensor(from + ".weight", to + ".weight");
  if (source_.contains(from + ".bias")) tensor(from + ".bias", to + ".bias");
}

void KeyMapper::pointwise(const std::string& from, const std::string& to) {
  const Tensor* weight = source_.find(from + ".weight");
  if (weight == nullptr) return missing_.push_back(from + ".weight");
  result_.insert(to + ".weight", as_pointwise(*weight));
  if (source_.contains(from + ".bias")) tensor(from + ".bias", to + ".bias");
}

void KeyMapper::optional_layer(const std::string& from, const std::string& to) {
  if (source_.contains(from + ".weight")) layer(from, to);
}

void KeyMapper::tensor(const std::string& from, const std::string& to) {
  const Tensor* found = source_.find(from);
  if (found == nullptr) return missing_.push_back(from);
  result_.insert(to, *found);
}

void KeyMapper::subtree(std::string_view from, const std::string& to) {
  const auto& tensors = source_.tensors();
  for (auto it = tensors.lower_bound(from); it != tensors.end() && it->first.starts_with(from); ++it) {
    result_.insert(to + it->first.substr(from.size()), it->second);
  }
}

WeightMap KeyMapper::take() {
  if (missing_.empty()) return std::move(result_);
  throw Error(ErrorCode::kInvalidArgument,
              quoted(source_) + " is not " + model_ + " that can be used: it has no " + listed(missing_),
              "is the file whole, and of the kind of model that the node loads?");
}

WeightMap without_prefix(const WeightMap& weights, std::initializer_list<std::string_view> prefixes) {
  for (const std::string_view prefix : prefixes) {
    if (has_prefix(weights, prefix)) return weights.with_prefix_removed(prefix);
  }
  return weights;
}

bool has_prefix(const WeightMap& weights, std::string_view prefix) {
  const auto found = weights.tensors().lower_bound(prefix);
  return found != weights.tensors().end() && found->first.starts_with(prefix);
}

Tensor as_pointwise(const Tensor& tensor) {
  if (tensor.shape().rank() != 2) return tensor;
  return tensor.reshaped(Shape{tensor.shape()[0], tensor.shape()[1], 1, 1});
}

WeightMap with_pointwise(WeightMap weights, std::initializer_list<std::string_view> endings) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : weights.tensors()) {
    const std::string& key = name;
    const bool ends = std::any_of(endings.begin(), endings.end(), [&](std::string_view e) { return key.ends_with(e); });
    if (ends && tensor.shape().rank() == 2) names.push_back(name);
  }
  for (const std::string& name : names) weights.insert(name, as_pointwise(weights.at(name)));
  return weights;
}

void throw_wrong_layout(const WeightMap& weights, const std::string& model, const std::vector<std::string>& wanted) {
  std::string has;
  if (!weights.tensors().empty())
    has = "; its first tensor is '" + weights.tensors().begin()->first.substr(0, 80) + "'";
  throw Error(ErrorCode::kInvalidArgument, quoted(weights) + " is not " + model + ": it has no " + listed(wanted) + has,
              "give a file of the kind of model that the node loads");
}

}  // namespace comfystream::weights
