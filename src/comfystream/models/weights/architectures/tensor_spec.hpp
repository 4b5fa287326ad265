// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/tensor/shape.hpp"

#include <string>
#include <vector>

namespace comfystream::weights {

/// A tensor that a model of some dimensions must have.
struct TensorSpec {
  std::string name;
  Shape shape;
  bool operator==(const TensorSpec&) const = default;
};

using TensorSpecs = std::vector<TensorSpec>;

/// Sum of the elements of all tensors: the model's parameter count.
[[nodiscard]] std::int64_t count_parameters(const TensorSpecs& specs);

/// The same tensors with `prefix` before each name.
[[nodiscard]] TensorSpecs with_prefix(std::string_view prefix, TensorSpecs specs);

}  // namespace comfystream::weights
