// SPDX-License-Identifier: Apache-2.0
// Convolutions of large maps to a picture's few channels, by a kernel of ours: cuDNN makes at least 32 channels of
// them.
#include "comfystream/backend/cuda/emit_conv.hpp"

namespace comfystream::backend::cuda {
namespace {

constexpr std::int64_t kMostOutputs = 3;
constexpr std::int64_t kFewestPixels = 4096;

}  // namespace

bool emit_narrow_conv(Emitter& e, const FusedOp& op, const Conv& conv) {
  const std::int64_t k = conv.y[1];
  const std::int64_t c = conv.x[1];
  if (op.root != op.core || !conv.constants() || !is_plain_3x3(conv)) return false;
  if (k > kMostOutputs || !has_narrow_conv(c) || conv.y[2] * conv.y[3] < kFewestPixels) return false;
  const View x = e.channels_last(e.view(conv.node.operands[0]));
  // Rows 3 t + k, and up to the 32 that the kernel multiplies by.
  const View weight = e.weight({*conv.weight}, {e.precision(), {11, 3, c}, {9, k, c}, {1, 9 * c, 9}});
  std::optional<View> bias;
  if (conv.bias) bias = e.float_vector(conv.node.operands[2]);
  const View y = e.make(conv.y, e.storage(op.root), kNhwc);
  std::vector<View> reads{x, weight};
  if (bias) reads.push_back(*bias);
  Step& added =
      e.add_step("narrow conv2d " + size_text(conv), reads, {y}, [=, dims = conv.y](Libraries&, const Launch& launch) {
        launch_narrow_conv({x.dtype,
                            launch.pointer(x),
                            {x.strides[0], x.strides[2], x.strides[3]},
                            launch.pointer(weight),
                            bias ? launch.pointer<float>(*bias) : nullptr,
                            launch.pointer(y),
                            y.dtype,
                            dims[0],
                            x.dims[1],
                            dims[2],
                            dims[3],
                            dims[1]},
                           launch.stream);
      });
  added.flops = flops_of(conv);
  e.define(op.root, y);
  return true;
}

}  // namespace comfystream::backend::cuda
