// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/depth_map.hpp"

#include "comfystream/error.hpp"

namespace comfystream::models {

using graph::Builder;
using graph::Value;

namespace {

/// Of each frame, [B, 1, 1, 1].
struct Range {
  Value lowest;
  Value highest;
};

Range own_range(Builder& builder, Value depth) {
  return {builder.reduce(graph::ReduceKind::kMin, depth, {2, 3}),
          builder.reduce(graph::ReduceKind::kMax, depth, {2, 3})};
}

Range asked_range(Builder& builder, const Range& own, const DepthMapOptions& options) {
  const graph::Dim frames = builder.shape(own.lowest)[0];
  const Value pairs = builder.reshape(builder.concat({own.lowest, own.highest}, 1), {frames, 2});
  const Value range = options.range(pairs);
  const graph::Dim rows = builder.shape(range)[0];
  const auto column = [&](std::int64_t index) {
    return builder.reshape(builder.slice(range, 1, index, index + 1), {rows, 1, 1, 1});
  };
  return {column(0), column(1)};
}

}  // namespace

Value trace_depth_to_map(Builder& builder, Value depth, std::int64_t height, std::int64_t width,
                         const DepthMapOptions& options) {
  Range range = own_range(builder, depth);
  if (options.range) range = asked_range(builder, range, options);
  const Value span = builder.sub(range.highest, range.lowest);
  const Value zero = builder.scalar(0.0F);
  const Value divisor =
      builder.select(builder.compare(graph::CompareKind::kGreater, span, zero), span, builder.scalar(1.0F));
  Value relative = builder.div(builder.sub(depth, range.lowest), divisor);
  if (options.range) relative = builder.clamp(relative, 0.0F, 1.0F);
  const Value bytes = builder.floor(builder.mul(relative, 255.0F));
  Value map = builder.div(trace_resize_u8(builder, bytes, height, width, options.tables), 255.0F);
  if (options.inverted) map = builder.sub(builder.scalar(1.0F), map);
  const graph::Dim frames = builder.shape(depth)[0];
  return builder.expand(builder.reshape(map, {frames, height, width, 1}), {frames, height, width, 3});
}

Value trace_depth_map(Builder& builder, const DepthAnything& model, Value images, const DepthMapOptions& options) {
  const graph::SymShape shape = builder.shape(images);
  if (shape.rank() != 4 || shape[3] != graph::Dim(3) || shape[1].batch || shape[2].batch) {
    throw Error(ErrorCode::kInvalidArgument, "a depth map takes images [N, H, W, 3], not " + shape.to_string());
  }
  Value picture = builder.transpose(images, {0, 3, 1, 2});
  if (shape[1].count != options.engine_height || shape[2].count != options.engine_width) {
    picture = builder.resize(
        picture, {graph::ResizeMode::kBilinear, options.engine_height, options.engine_width, /*align_corners=*/false});
  }
  return trace_depth_to_map(builder, model.trace(builder, picture), shape[1].count, shape[2].count, options);
}

}  // namespace comfystream::models
