// SPDX-License-Identifier: Apache-2.0
// Small networks and values for the tests of the OpenVINO backend.
#pragma once

#include "comfystream/backend/backend.hpp"
#include "comfystream/graph/builder.hpp"
#include "tests/support/op_cases.hpp"

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace comfystream::backend::openvino {

using tests::random_tensor;
using tests::relative_error;

/// Convolution, norms, attention, a residual and a join of two batches: x [N, 16, h, w] -> y [N, 16, h, w], 2y on [2N,
/// ..] inside. `dtype` is what the weights are stored in.
inline graph::Graph make_block(std::int64_t height, std::int64_t width, DType dtype) {
  graph::Builder builder;
  const std::int64_t channels = 16;
  const graph::Value x = builder.input("x", DType::kF32, graph::SymShape{graph::kBatch, channels, height, width});
  const auto scope = builder.scope("KSampler#3/unet");
  std::uint32_t seed = 1;
  const auto weight = [&](const Shape& shape) {
    return builder.weight(random_tensor(shape, seed++, 0.3F).cast(dtype));
  };
  graph::Value h = builder.silu(builder.group_norm(x, weight({channels}), weight({channels}), {.groups = 4}));
  h = builder.conv2d(h, weight({channels, channels, 3, 3}), weight({channels}),
                     {.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1});
  const graph::SymShape tokens{graph::kBatch, height * width, channels};
  const graph::Value t =
      builder.transpose(builder.reshape(h, graph::SymShape{graph::kBatch, channels, height * width}), {0, 2, 1});
  const auto heads = [&](graph::Value value) {
    const graph::Value projected = builder.linear(value, weight({channels, channels}));
    return builder.transpose(builder.reshape(projected, graph::SymShape{graph::kBatch, height * width, 2, 8}),
                             {0, 2, 1, 3});
  };
  graph::Value a = builder.attention(heads(t), heads(t), heads(t), 0.35F);
  a = builder.reshape(builder.transpose(a, {0, 2, 1, 3}), tokens);
  a = builder.linear(builder.layer_norm(a, weight({channels}), weight({channels})), weight({channels, channels}),
                     weight({channels}));
  a = builder.reshape(builder.transpose(a, {0, 2, 1}), graph::SymShape{graph::kBatch, channels, height, width});
  const graph::Value both = builder.concat({builder.add(x, a), h}, 0);
  const graph::Value guided = builder.sub(builder.slice_batch(both, 0, 1), builder.slice_batch(both, 1, 2));
  builder.output("y", guided);
  return builder.take();
}

inline std::span<const float> output_floats(Slot& slot, std::size_t index, std::int64_t count) {
  return {reinterpret_cast<const float*>(slot.output(index).data()), static_cast<std::size_t>(count)};
}

inline void write_input(Slot& slot, std::size_t index, const Tensor& value) {
  std::memcpy(slot.input(index).data(), value.bytes().data(), value.size_bytes());
}

}  // namespace comfystream::backend::openvino
