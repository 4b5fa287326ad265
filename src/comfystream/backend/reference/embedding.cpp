// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/kernel.hpp"
#include "comfystream/backend/timestep_frequencies.hpp"
#include "comfystream/error.hpp"

#include <cmath>
#include <cstring>
#include <string>

namespace comfystream::backend::reference {
namespace {

template <typename Index>
Kernel look_up(const Site& site) {
  const Shape& table = site.operands[1].shape;
  const std::int64_t rows = table[0];
  const auto row_bytes = static_cast<std::size_t>(table[1]) * size_of(site.result.dtype);
  const std::int64_t count = site.operands[0].shape.elements();
  return {[=](const Arguments& arguments) {
    const auto* indices = arguments.input<Index>(0);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto index = static_cast<std::int64_t>(indices[i]);
      if (index < 0 || index >= rows) {
        throw Error(ErrorCode::kInvalidArgument,
                    "embedding: index " + std::to_string(index) + " in a table of " + std::to_string(rows) + " rows");
      }
      std::memcpy(arguments.out + static_cast<std::size_t>(i) * row_bytes,
                  arguments.in[1] + static_cast<std::size_t>(index) * row_bytes, row_bytes);
    }
  }};
}

}  // namespace

Kernel embedding_kernel(const Site& site) {
  return site.operands[0].dtype == DType::kI32 ? look_up<std::int32_t>(site) : look_up<std::int64_t>(site);
}

Kernel timestep_embedding_kernel(const Site& site) {
  const auto& attrs = site.attributes<graph::TimestepEmbeddingAttrs>();
  const auto frequency = timestep_frequencies(attrs);
  const auto half = static_cast<std::int64_t>(frequency.size());
  const std::int64_t cosines = attrs.flip_sin_to_cos ? 0 : half;
  const std::int64_t count = site.operands[0].shape.elements();
  return {[=, dim = attrs.dim](const Arguments& arguments) {
    float* out = arguments.output<float>();
    for (std::int64_t row = 0; row < count; ++row, out += dim) {
      out[dim - 1] = 0.0F;  // what an odd size leaves over
      for (std::int64_t i = 0; i < half; ++i) {
        const float angle = arguments.input<float>(0)[row] * frequency[static_cast<std::size_t>(i)];
        out[cosines + i] = std::cos(angle);
        out[half - cosines + i] = std::sin(angle);
      }
    }
  }};
}

}  // namespace comfystream::backend::reference
