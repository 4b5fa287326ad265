// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/weights/weight_map.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace comfystream::weights {

/// Collects one model's tensors under new names, and what is missing on the way. The source outlives the mapper.
class KeyMapper {
 public:
  /// `model` names the kind of model in messages: "an SD 1.x UNet".
  KeyMapper(const WeightMap& source, std::string model)
      : source_(source), model_(std::move(model)), result_(source.emptied()) {}

  [[nodiscard]] const WeightMap& source() const noexcept { return source_; }

  /// "<from>.weight" (required) and "<from>.bias" (when there) become "<to>...".
  void layer(const std::string& from, const std::string& to);
  /// The same, with a matrix [out, in] taken as a convolution of kernel 1.
  void pointwise(const std::string& from, const std::string& to);
  /// As layer() when the file has "<from>.weight", else nothing.
  void optional_layer(const std::string& from, const std::string& to);
  void tensor(const std::string& from, const std::string& to);
  /// Every tensor under the prefix, under another prefix.
  void subtree(std::string_view from, const std::string& to);
  /// A tensor made by the caller.
  void insert(const std::string& to, Tensor tensor) { result_.insert(to, std::move(tensor)); }
  void note_missing(const std::string& name) { missing_.push_back(name); }

  /// Error(kInvalidArgument) with the first missing names, if any is missing.
  [[nodiscard]] WeightMap take();

 private:
  const WeightMap& source_;
  std::string model_;
  WeightMap result_;
  std::vector<std::string> missing_;
};

/// The tensors under the first of `prefixes` that the file has any of, or the map as it is.
[[nodiscard]] WeightMap without_prefix(const WeightMap& weights, std::initializer_list<std::string_view> prefixes);
[[nodiscard]] bool has_prefix(const WeightMap& weights, std::string_view prefix);
/// [out, in] -> [out, in, 1, 1]; other ranks as they are.
[[nodiscard]] Tensor as_pointwise(const Tensor& tensor);
/// Every "*<ending>" matrix of the map as a convolution of kernel 1.
[[nodiscard]] WeightMap with_pointwise(WeightMap weights, std::initializer_list<std::string_view> endings);
/// Error(kInvalidArgument): the file is no `model`; it lacks one of `wanted` (one name for each layout).
[[noreturn]] void throw_wrong_layout(const WeightMap& weights, const std::string& model,
                                     const std::vector<std::string>& wanted);

}  // namespace comfystream::weights
