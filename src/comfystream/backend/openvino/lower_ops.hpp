// SPDX-License-Identifier: Apache-2.0
// One function per operation: the OpenVINO nodes that compute it. The result has the graph's dtype and shape.
#pragma once

#include "comfystream/backend/openvino/lowering.hpp"

#include <openvino/core/node.hpp>

namespace comfystream::backend::openvino {

// lower_linear.cpp
ov::Output<ov::Node> lower_conv2d(const NodeContext& context);
ov::Output<ov::Node> lower_conv_transpose2d(const NodeContext& context);
ov::Output<ov::Node> lower_linear(const NodeContext& context);
ov::Output<ov::Node> lower_matmul(const NodeContext& context);
// lower_attention.cpp
ov::Output<ov::Node> lower_attention(const NodeContext& context);
// lower_norm.cpp
ov::Output<ov::Node> lower_group_norm(const NodeContext& context);
ov::Output<ov::Node> lower_layer_norm(const NodeContext& context);
ov::Output<ov::Node> lower_softmax(const NodeContext& context);
ov::Output<ov::Node> lower_reduce(const NodeContext& context);
// lower_elementwise.cpp
ov::Output<ov::Node> lower_unary(const NodeContext& context);
ov::Output<ov::Node> lower_binary(const NodeContext& context);
ov::Output<ov::Node> lower_clamp(const NodeContext& context);
ov::Output<ov::Node> lower_compare(const NodeContext& context);
ov::Output<ov::Node> lower_select(const NodeContext& context);
// lower_cast.cpp
ov::Output<ov::Node> lower_cast(const NodeContext& context);
// lower_shape.cpp
ov::Output<ov::Node> lower_concat(const NodeContext& context);
ov::Output<ov::Node> lower_slice(const NodeContext& context);
ov::Output<ov::Node> lower_reshape(const NodeContext& context);
ov::Output<ov::Node> lower_transpose(const NodeContext& context);
ov::Output<ov::Node> lower_expand(const NodeContext& context);
ov::Output<ov::Node> lower_pad(const NodeContext& context);
// lower_resize.cpp
ov::Output<ov::Node> lower_resize(const NodeContext& context);
// lower_embedding.cpp
ov::Output<ov::Node> lower_embedding(const NodeContext& context);
ov::Output<ov::Node> lower_timestep_embedding(const NodeContext& context);
// lower_loop.cpp
ov::Output<ov::Node> lower_loop(const NodeContext& context);

}  // namespace comfystream::backend::openvino
