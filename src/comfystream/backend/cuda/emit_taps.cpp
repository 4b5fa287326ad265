// SPDX-License-Identifier: Apache-2.0
// A convolution of a bilinearly enlarged map, on the small one. Resizing and a convolution's taps are both sums over
// pixels, so they can change places: one product gives what each of the nine taps makes of every small pixel, and these
// maps are enlarged, shifted and summed by a kernel of ours. There are fewer products by as much as the map is
// enlarged, and the enlarged map is not stored.
#include "comfystream/backend/cuda/emit_conv.hpp"

namespace comfystream::backend::cuda {
namespace {

struct ResizedStep {
  View x;  // [N, C, P, Q], channels adjacent
  View w;  // [9 * K, C]
  std::optional<View> tap_bias, bias, head, head_bias;
  View y;
  View scratch;  // the product's workspace, then the taps [N * P * Q, 9 * K]
  GemmProblem product;
  GatherTapsCall call;

  [[nodiscard]] std::vector<View> reads() const;
  std::int64_t prepare(Libraries& libraries) const;
  void run(Libraries& libraries, const Launch& launch) const;
};

std::vector<View> ResizedStep::reads() const {
  std::vector<View> views{x, w};
  for (const auto& view : {tap_bias, bias, head, head_bias}) {
    if (view) views.push_back(*view);
  }
  return views;
}

std::int64_t ResizedStep::prepare(Libraries& libraries) const {
  libraries.gemm.prepare(product);
  return kGemmWorkspace + product.rows * product.out * static_cast<std::int64_t>(size_of(product.y_type));
}

void ResizedStep::run(Libraries& libraries, const Launch& launch) const {
  auto* workspace = launch.pointer<std::byte>(scratch);
  std::byte* taps = workspace + kGemmWorkspace;
  libraries.gemm.run(
      product,
      {launch.pointer(x), launch.pointer(w), tap_bias ? launch.pointer(*tap_bias) : nullptr, nullptr, taps, workspace},
      launch.stream);
  GatherTapsCall now = call;
  now.taps = taps;
  if (bias) now.bias = launch.pointer<float>(*bias);
  if (head) now.head = launch.pointer<float>(*head);
  if (head_bias) now.head_bias = launch.pointer<float>(*head_bias);
  now.y = launch.pointer(y);
  launch_gather_taps(now, launch.stream);
}

void describe_product(ResizedStep& step) {
  const Dims& small = step.x.dims;
  GemmProblem& product = step.product;
  product.rows = small[0] * small[2] * small[3];
  product.in = small[1];
  product.out = step.w.dims[0];
  product.x_stride = step.x.strides[3];
  product.y_stride = product.residual_stride = product.out;
  product.type = product.y_type = step.x.dtype;
  product.bias = step.tap_bias.has_value();
}

void describe_call(Emitter& e, const FusedOp& op, const Conv& conv, ResizedStep& step) {
  const Dims& small = step.x.dims;
  GatherTapsCall& gather = step.call;
  gather.type = e.precision();
  gather.relu = op.activation.has_value();
  gather.head_relu = op.head_activation.has_value();
  gather.y_type = step.y.dtype;
  gather.batch = small[0];
  gather.channels = conv.y[1];
  gather.height = small[2];
  gather.width = small[3];
  gather.out_height = conv.y[2];
  gather.out_width = conv.y[3];
  gather.align_corners = std::get<graph::ResizeAttrs>(e.node(conv.node.operands[0]).attrs).align_corners;
}

// [9 * K, C]
View tap_weights(Emitter& e, const FusedOp& op, const Conv& conv) {
  const std::int64_t k = conv.y[1];
  if (op.before) {
    const std::int64_t c = op.tap_weight.shape()[2];
    return e.weight({op.tap_weight}, {e.precision(), {9 * k, c}, {}, {}});
  }
  const std::int64_t c = conv.x[1];
  return *reshaped(e.weight({*conv.weight}, {e.precision(), {9, k, c}, {}, {1, 9 * c, 9}}), {9 * k, c});
}

// A map whose pixels are rows at one distance.
View as_pixel_rows(Emitter& e, const View& map) {
  const View x = e.channels_last(map);
  const bool rows = x.strides[2] == x.dims[3] * x.strides[3] && x.strides[0] == x.dims[2] * x.strides[2];
  return rows ? x : e.copy(x, x.dtype, kNhwc);
}

}  // namespace

void emit_resized_conv(Emitter& e, const FusedOp& op) {
  const Conv conv = read_conv(e, op.core);
  auto step = std::make_shared<ResizedStep>();
  step->x = as_pixel_rows(e, e.view(*op.resized));
  step->w = tap_weights(e, op, conv);
  if (!op.tap_bias.empty()) step->tap_bias = e.vector({op.tap_bias}, e.precision());
  if (conv.bias) step->bias = e.float_vector(conv.node.operands[2]);
  if (op.head) {
    const auto& operands = e.node(*op.head).operands;
    step->head = e.float_vector(operands[1]);
    if (operands.size() > 2) step->head_bias = e.float_vector(operands[2]);
  }
  step->y = op.head ? e.result(op.root, {0, 1, 2, 3}) : e.make(conv.y, e.precision(), kNhwc);
  step->scratch = e.make_scratch(1);
  describe_product(*step);
  describe_call(e, op, conv, *step);
  Step& added = e.add_step(
      "resized conv2d " + size_text(conv), step->reads(), {step->y},
      [step](Libraries& libraries, const Launch& launch) { step->run(libraries, launch); },
      [step](Libraries& libraries) { return step->prepare(libraries); }, &step->scratch);
  added.flops =
      2.0 * static_cast<double>(step->product.rows * step->product.out) * static_cast<double>(step->product.in);
  e.define(op.root, step->y);
}

}  // namespace comfystream::backend::cuda
