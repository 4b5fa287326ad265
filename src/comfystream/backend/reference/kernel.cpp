// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/kernel.hpp"

#include "comfystream/error.hpp"

#include <string>

namespace comfystream::backend::reference {

void refuse_type(const Site& site) {
  std::string text = "reference: " + std::string(graph::to_string(site.node.kind)) + " is not defined on";
  for (const auto& operand : site.operands) text += " " + std::string(to_string(operand.dtype));
  throw Error(ErrorCode::kUnsupported, text + ", in " + site.node.scope);
}

Kernel make_kernel(const Site& site) {
  using graph::OpKind;
  switch (site.node.kind) {
    case OpKind::kInput:
    case OpKind::kParameter:
    case OpKind::kConstant:
      break;
    case OpKind::kConv2d:
      return conv2d_kernel(site);
    case OpKind::kConvTranspose2d:
      return conv_transpose2d_kernel(site);
    case OpKind::kLinear:
      return linear_kernel(site);
    case OpKind::kMatmul:
      return matmul_kernel(site);
    case OpKind::kAttention:
      return attention_kernel(site);
    case OpKind::kGroupNorm:
      return group_norm_kernel(site);
    case OpKind::kLayerNorm:
      return layer_norm_kernel(site);
    case OpKind::kUnary:
      return unary_kernel(site);
    case OpKind::kBinary:
      return binary_kernel(site);
    case OpKind::kClamp:
      return clamp_kernel(site);
    case OpKind::kCompare:
      return compare_kernel(site);
    case OpKind::kSelect:
      return select_kernel(site);
    case OpKind::kConcat:
      return concat_kernel(site);
    case OpKind::kSlice:
      return slice_kernel(site);
    case OpKind::kReshape:
      return reshape_kernel(site);
    case OpKind::kTranspose:
      return transpose_kernel(site);
    case OpKind::kExpand:
      return expand_kernel(site);
    case OpKind::kResize:
      return resize_kernel(site);
    case OpKind::kPad:
      return pad_kernel(site);
    case OpKind::kEmbedding:
      return embedding_kernel(site);
    case OpKind::kReduce:
      return reduce_kernel(site);
    case OpKind::kSoftmax:
      return softmax_kernel(site);
    case OpKind::kCast:
      return cast_kernel(site);
    case OpKind::kTimestepEmbedding:
      return timestep_embedding_kernel(site);
    case OpKind::kLoop:
      return loop_kernel(site);
  }
  throw Error(ErrorCode::kInternal, "a source has no kernel");
}

}  // namespace comfystream::backend::reference
