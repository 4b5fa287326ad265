// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/depth_anything_head.hpp"

#include <array>
#include <optional>

namespace comfystream::models {
namespace {

using graph::Builder;
using graph::Value;

/// A transposed convolution that enlarges by its kernel's size, without overlap.
Value trace_enlarge(const Module& conv, Value x) {
  Builder& builder = conv.builder();
  const Value kernel = builder.weight(conv.tensor("weight"), conv.prefix() + ".weight");
  const Value bias = builder.weight(conv.tensor("bias"), conv.prefix() + ".bias");
  return builder.conv_transpose2d(x, kernel, bias, {.stride = builder.shape(kernel)[2].count, .pad = 0, .groups = 1});
}

/// The map of tap `index` at its own resolution: 4, 2, 1 and 1/2 times the patch grid.
Value trace_reassemble(const Module& head, Value tap, std::int64_t index) {
  const Value projected = head.child("projects").child(index).conv(tap);
  const Module resize = head.child("resize_layers").child(index);
  if (index < 2) return trace_enlarge(resize, projected);
  return index == 2 ? projected : resize.conv(projected, 2);
}

Value trace_residual_unit(const Module& unit, Value x) {
  Builder& builder = unit.builder();
  const Value first = unit.child("conv1").conv(builder.relu(x));
  return builder.add(unit.child("conv2").conv(builder.relu(first)), x);
}

Value trace_resize(Builder& builder, Value x, std::int64_t height, std::int64_t width) {
  return builder.resize(x, {graph::ResizeMode::kBilinear, height, width, /*align_corners=*/true});
}

/// Adds `skip` to the path from below, refines, and brings it to the size of the map above.
Value trace_fusion(const Module& fusion, std::optional<Value> path, Value skip, std::int64_t height,
                   std::int64_t width) {
  Builder& builder = fusion.builder();
  Value x = skip;
  if (path) x = builder.add(*path, trace_residual_unit(fusion.child("resConfUnit1"), skip));
  x = trace_residual_unit(fusion.child("resConfUnit2"), x);
  return fusion.child("out_conv").conv(trace_resize(builder, x, height, width));
}

}  // namespace

Value trace_depth_head(const Module& head, const DepthAnythingConfig& config, std::span<const Value> taps) {
  Builder& builder = head.builder();
  const auto scope = builder.scope("head");
  const graph::SymShape grid = builder.shape(taps[0]);
  const Module scratch = head.child("scratch");
  std::array<Value, 4> maps;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const Value map = trace_reassemble(head, taps[i], static_cast<std::int64_t>(i));
    maps[i] = scratch.child("layer" + std::to_string(i + 1) + "_rn").conv(map);
  }
  std::optional<Value> path;
  for (std::size_t i = maps.size(); i-- > 0;) {
    const graph::SymShape size = builder.shape(maps[i > 0 ? i - 1 : 0]);
    const std::int64_t factor = i > 0 ? 1 : 2;
    path = trace_fusion(scratch.child("refinenet" + std::to_string(i + 1)), path, maps[i], size[2].count * factor,
                        size[3].count * factor);
  }
  const Value narrowed = scratch.child("output_conv1").conv(*path);
  const Value full = trace_resize(builder, narrowed, grid[2].count * config.patch, grid[3].count * config.patch);
  const Value features = builder.relu(scratch.child("output_conv2.0").conv(full));
  const Value depth = scratch.child("output_conv2.2").conv(features);
  return builder.unary(config.metric ? graph::UnaryKind::kSigmoid : graph::UnaryKind::kRelu, depth);
}

}  // namespace comfystream::models
