// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/depth_map.hpp"

#include "comfystream/error.hpp"

namespace comfystream::models {

using graph::Builder;
using graph::Value;

Value trace_depth_to_map(Builder& builder, Value depth, std::int64_t height, std::int64_t width, bool inverted,
                         ResizeTables* tables) {
  const Value lowest = builder.reduce(graph::ReduceKind::kMin, depth, {2, 3});
  const Value range = builder.sub(builder.reduce(graph::ReduceKind::kMax, depth, {2, 3}), lowest);
  const Value zero = builder.scalar(0.0F);
  const Value divisor =
      builder.select(builder.compare(graph::CompareKind::kGreater, range, zero), range, builder.scalar(1.0F));
  const Value relative = builder.div(builder.sub(depth, lowest), divisor);
  const Value bytes = builder.floor(builder.mul(relative, 255.0F));
  Value map = builder.div(trace_resize_u8(builder, bytes, height, width, tables), 255.0F);
  if (inverted) map = builder.sub(builder.scalar(1.0F), map);
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
  return trace_depth_to_map(builder, model.trace(builder, picture), shape[1].count, shape[2].count, options.inverted,
                            options.tables);
}

}  // namespace comfystream::models
