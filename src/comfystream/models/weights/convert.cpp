// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/convert.hpp"

#include "comfystream/error.hpp"

#include <cstring>
#include <utility>

namespace comfystream::weights {

Tensor f32_from_f64(Shape shape, std::span<const std::byte> bytes) {
  Tensor result(DType::kF32, std::move(shape));
  auto values = result.mutable_values<float>();
  if (bytes.size() != values.size() * sizeof(double)) {
    throw Error(ErrorCode::kInvalidArgument, "a tensor of doubles " + result.shape().to_string() + " needs " +
                                                 std::to_string(values.size() * sizeof(double)) + " bytes, not " +
                                                 std::to_string(bytes.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    double value = 0;
    std::memcpy(&value, bytes.data() + i * sizeof(double), sizeof(double));
    values[i] = static_cast<float>(value);
  }
  return result;
}

}  // namespace comfystream::weights
