// SPDX-License-Identifier: Apache-2.0
// Convolutions. Those of one pixel and those whose patches do not overlap are products; others are cuDNN's; sizes that
// suit neither run on plain loops.
#include "comfystream/backend/cuda/emit_conv.hpp"

#include "comfystream/backend/cuda/constants.hpp"
#include "comfystream/backend/cuda/hopper_device.hpp"
#include "comfystream/backend/cuda/rehearsal.hpp"
#include "comfystream/backend/cuda/strip_conv.hpp"
#include "comfystream/error.hpp"

#include <numeric>

namespace comfystream::backend::cuda {
namespace {

using graph::Conv2dAttrs;
using graph::Node;
using graph::UnaryKind;
using graph::Value;

std::int64_t round_up(std::int64_t value) { return (value + 7) / 8 * 8; }

// Weights as [K, R, S, C], both counts of channels filled up with zeros to multiples of 8.
View packed_weight(Emitter& e, const Conv& conv) {
  const std::int64_t k = conv.y[1];
  const std::int64_t c = conv.x[1];
  return e.weight({*conv.weight}, {e.precision(),
                                   {round_up(k), conv.r, conv.s, round_up(c)},
                                   {k, conv.r, conv.s, c},
                                   {c * conv.r * conv.s, conv.s, 1, conv.r * conv.s}});
}

View packed_bias(Emitter& e, const Conv& conv, DType dtype) {
  return e.weight({*conv.bias}, {dtype, {round_up(conv.y[1])}, {conv.y[1]}, {}});
}

// Rows of a product [N * P * Q, K] as [N, K, P, Q].
View as_map(const View& y, const Dims& map) {
  return transposed(*reshaped(y, {map[0], map[2], map[3], map[1]}), {0, 3, 1, 2});
}

// A map's pixels as rows of channels.
std::optional<View> as_rows(const std::optional<View>& map) {
  if (!map) return std::nullopt;
  View rows = *map;
  rows.dims = {map->elements() / map->dims[1], map->dims[1]};
  rows.strides = {map->strides[3], 1};
  return rows;
}

// ---- As a product ----

// [K, C, R, S] as [K, R * S * C].
Tensor to_patch_order(const Tensor& weight) {
  const Tensor floats = weight.to_f32();
  const Shape& shape = weight.shape();
  Tensor result(DType::kF32, {shape[0], shape[1] * shape[2] * shape[3]});
  const auto from = floats.values<float>();
  const auto to = result.mutable_values<float>();
  const std::int64_t area = shape[2] * shape[3];
  for (std::int64_t k = 0; k < shape[0]; ++k) {
    for (std::int64_t c = 0; c < shape[1]; ++c) {
      for (std::int64_t i = 0; i < area; ++i) {
        to[static_cast<std::size_t>((k * area + i) * shape[1] + c)] =
            from[static_cast<std::size_t>((k * shape[1] + c) * area + i)];
      }
    }
  }
  return result;
}

// Patches that do not overlap, [N, P, Q, R * S * C] with the last filled up to a multiple of 8.
View patches(Emitter& e, const Conv& conv) {
  View x = e.view(conv.node.operands[0]);
  const Dims split{conv.x[0], conv.x[1], conv.y[2], conv.r, conv.y[3], conv.s};
  auto six = reshaped(x, split);
  if (!six) six = reshaped(e.copy(x, x.dtype, {0, 1, 2, 3}), split);
  const View from = transposed(*six, {0, 2, 4, 3, 5, 1});
  const std::int64_t inner = conv.r * conv.s * conv.x[1];
  View to = e.make_row_major({conv.y[0], conv.y[2], conv.y[3], round_up(inner)}, e.precision());
  const View used = *reshaped(sliced(to, 3, 0, inner), from.dims);
  e.pointwise({{used, {from}, {}, "a0"}, {sliced(to, 3, inner, round_up(inner)), {}, {}, "0.0f"}}, "patches");
  return to;
}

bool emit_as_product(Emitter& e, const FusedOp& op, const Conv& conv) {
  const bool pixel =
      conv.r == 1 && conv.s == 1 && conv.attrs.stride_h == 1 && conv.attrs.stride_w == 1 && !conv.padded();
  const bool tiles = conv.r == conv.attrs.stride_h && conv.s == conv.attrs.stride_w && !conv.padded() &&
                     conv.attrs.dilation_h == 1 && conv.attrs.dilation_w == 1 && conv.x[2] == conv.y[2] * conv.r &&
                     conv.x[3] == conv.y[3] * conv.s && conv.x[1] < 8;
  const bool silu = op.activation == UnaryKind::kSilu;
  if (!conv.constants() || conv.attrs.groups != 1 || conv.y[1] % 8 != 0 || !(pixel || tiles) || silu) return false;
  if (pixel && conv.x[1] % 8 != 0) return false;
  const std::int64_t c = conv.x[1];
  const std::int64_t inner = conv.r * conv.s * c;
  GemmCall call;
  call.y_type = e.storage(op.root);
  if (pixel) {
    call.x = e.rows(transposed(e.channels_last(e.view(conv.node.operands[0])), {0, 2, 3, 1}), e.precision());
    call.weight = e.weight({*conv.weight}, {e.precision(), {conv.y[1], c}, {}, {}});
  } else {
    call.x = patches(e, conv);
    // [K, R * S, C] has its last two dimensions together padded to the width of the patches' rows.
    call.weight = e.weight({to_patch_order(*conv.weight)},
                           {e.precision(), {conv.y[1], round_up(inner)}, {conv.y[1], inner}, {inner, 1}});
  }
  if (conv.bias) call.bias = e.vector({*conv.bias}, call.y_type);
  call.activation = op.activation;
  if (op.residual) {
    const View placeholder{-1, call.y_type, conv.y, dense_strides(conv.y, kNhwc), 0};
    View residual = residual_like(e, *op.residual, under_views(e, placeholder, op.views));
    residual.dims = {residual.elements() / conv.y[1], conv.y[1]};
    residual.strides = {conv.y[1], 1};
    call.residual = residual;
  }
  if (op.views.empty()) call.y = as_rows(e.part_of_join(op.root));
  const View y = as_map(emit_gemm(e, call, "conv2d " + size_text(conv)), conv.y);
  e.define(op.root, under_views(e, y, op.views));
  return true;
}

// ---- By cuDNN ----

ConvProblem describe(const Conv& conv, const View& x, const View& y) {
  ConvProblem problem;
  problem.x = x.dims;
  problem.x_strides = x.strides;
  problem.y = y.dims;
  problem.y_strides = y.strides;
  problem.r = conv.r;
  problem.s = conv.s;
  problem.pad_top = conv.attrs.pad_top;
  problem.pad_left = conv.attrs.pad_left;
  problem.pad_bottom = conv.attrs.pad_bottom;
  problem.pad_right = conv.attrs.pad_right;
  problem.stride_h = conv.attrs.stride_h;
  problem.stride_w = conv.attrs.stride_w;
  problem.dilation_h = conv.attrs.dilation_h;
  problem.dilation_w = conv.attrs.dilation_w;
  problem.type = x.dtype;
  problem.y_type = y.dtype;
  return problem;
}

PointwiseKernel after_core(const CudnnStep& step, const FusedOp& op) {
  std::vector<View> inputs{step.y};
  std::string sum = "a0";
  const auto add = [&](const View& view) {
    sum += " + a" + std::to_string(inputs.size());
    inputs.push_back(broadcast(view, step.y.dims));
  };
  if (step.residual) add(*step.residual);
  if (step.bias) add({step.bias->buffer, step.bias->dtype, {1, step.y.dims[1], 1, 1}, {0, 1, 0, 0}, step.bias->offset});
  if (inputs.size() == 1 && !op.activation) return {};
  std::vector<std::string> lines{"const float h = " + sum + ";"};
  std::string result = "h";
  if (op.activation == UnaryKind::kRelu) result = "(h < 0.0f ? 0.0f : h)";
  if (op.activation == UnaryKind::kSilu) result = "silu(h)";
  return make_pointwise_kernel({{step.y, inputs, lines, result}});
}

bool emit_by_cudnn(Emitter& e, const FusedOp& op, const Conv& conv) {
  if (!conv.constants() || conv.attrs.groups != 1 || !op.views.empty()) return false;
  if (op.residual && conv.y[1] % 8 != 0) return false;
  const auto step = make_cudnn_step(e, op, conv, e.channels_last(e.view(conv.node.operands[0])));
  Step& added = e.add_step(
      "conv2d " + size_text(conv), step->reads(), {step->y},
      [step](Libraries& libraries, const Launch& launch) { step->run(libraries, launch); },
      [step](Libraries& libraries) { return step->prepare(libraries); }, &step->scratch);
  added.flops = flops_of(conv);
  e.define(op.root, sliced(step->y, 1, 0, conv.y[1]));
  return true;
}

// ---- On plain loops ----

void emit_plainly(Emitter& e, const FusedOp& op, const Conv& conv) {
  View x = e.view(conv.node.operands[0]);
  if (!is_floating(x.dtype)) x = e.copy(x, DType::kF32, axis_order(x));
  const View w = e.float_vector(conv.node.operands[1]);
  std::optional<View> bias;
  if (conv.has_bias) bias = e.float_vector(conv.node.operands[2]);
  const View y = e.make_row_major(conv.y, DType::kF32);
  std::vector<View> reads{x, w};
  if (bias) reads.push_back(*bias);
  e.add_step("conv2d, plain " + size_text(conv), reads, {y},
             [x, w, bias, y, r = conv.r, s = conv.s, attrs = conv.attrs](Libraries&, const Launch& launch) {
               launch_plain_conv(located(strided(x), x, launch), launch.pointer<float>(w),
                                 bias ? launch.pointer<float>(*bias) : nullptr, located(strided(y), y, launch), r, s,
                                 attrs, launch.stream);
             });
  finish_apart(e, op, y);
}

}  // namespace

Conv read_conv(Emitter& e, Value core) {
  const Node& node = e.node(core);
  Conv conv{node, std::get<Conv2dAttrs>(node.attrs), e.dims(node.operands[0]), e.dims(core), {}, {}, false, 0, 0};
  conv.weight = constant_of(e.graph(), node.operands[1]);
  conv.has_bias = node.operands.size() > 2;
  if (conv.has_bias) conv.bias = constant_of(e.graph(), node.operands[2]);
  const Dims weight = e.dims(node.operands[1]);
  conv.r = weight[2];
  conv.s = weight[3];
  return conv;
}

bool is_plain_3x3(const Conv& conv) { return conv.r == 3 && conv.s == 3 && keeps_size_of_3x3(conv.attrs); }

std::string size_text(const Conv& conv) {
  return std::to_string(conv.r) + "x" + std::to_string(conv.s) + " " + std::to_string(conv.x[1]) + "->" +
         std::to_string(conv.y[1]) + " " + std::to_string(conv.y[2]) + "x" + std::to_string(conv.y[3]);
}

double flops_of(const Conv& conv) {
  return 2.0 * static_cast<double>(conv.y[0] * conv.y[1] * conv.y[2] * conv.y[3]) *
         static_cast<double>(conv.x[1] * conv.r * conv.s);
}

std::vector<View> CudnnStep::reads() const {
  std::vector<View> views{x, w};
  if (bias) views.push_back(*bias);
  if (residual) views.push_back(*residual);
  return views;
}

float CudnnStep::microseconds(Libraries& libraries) const {
  return use_strips ? strip_microseconds(libraries) : cudnn_microseconds(libraries);
}

float CudnnStep::cudnn_microseconds(Libraries& libraries) const {
  if (use_fused) return libraries.cudnn.measured(fused.key()).value_or(0.0F);
  return libraries.cudnn.measured(bare.key()).value_or(0.0F) + after_microseconds();
}

// What an elementwise kernel over y takes: its bytes at what device memory or the cache gives, and its start.
float CudnnStep::after_microseconds() const {
  if (after.source.empty()) return 0.0F;
  const auto bytes = static_cast<float>(y.elements()) * (residual ? 6.0F : 4.0F);
  return 2.0F + bytes / 3e6F;
}

// Measured once for each problem and card.
float CudnnStep::strip_microseconds(Libraries& libraries) const {
  std::vector<View> views = reads();
  views.push_back(y);
  return time_once(libraries, "strips " + fused.key(), views, [&](const Launch& launch) { run_strips(launch); });
}

void CudnnStep::run_strips(const Launch& launch) const {
  launch_strip_conv({x.dtype,
                     launch.pointer(x),
                     {x.strides[0], x.strides[2], x.strides[3]},
                     launch.pointer(w),
                     bias ? launch.pointer(*bias) : nullptr,
                     residual ? launch.pointer(*residual) : nullptr,
                     launch.pointer(y),
                     fused.activation == ConvActivation::kRelu,
                     x.dims[0],
                     x.dims[2],
                     x.dims[3]},
                    launch.stream);
}

std::int64_t CudnnStep::prepare(Libraries& libraries) {
  const std::int64_t workspace = prepare_cudnn(libraries);
  use_strips = strips_fit && runs_hopper_kernels() && strip_microseconds(libraries) <= cudnn_microseconds(libraries);
  return use_strips ? 0 : workspace;
}

std::int64_t CudnnStep::prepare_cudnn(Libraries& libraries) {
  auto& cudnn = libraries.cudnn;
  auto together = cudnn.measured(fused.key());
  auto alone = cudnn.measured(bare.key());
  if (!together || !alone) {
    const std::int64_t workspace = cudnn.prepare(fused);
    together = workspace < 0 ? -1.0F : cudnn.measured(fused.key());
    if (workspace >= 0 && (!together || after.source.empty())) return workspace;
    if (cudnn.prepare(bare) >= 0) alone = cudnn.measured(bare.key());
  }
  use_fused = *together >= 0 && (alone.value_or(-1.0F) < 0 || *together <= *alone + after_microseconds());
  const std::int64_t workspace = cudnn.prepare(use_fused ? fused : bare);
  if (workspace < 0) throw Error(ErrorCode::kBackend, "cuDNN has no algorithm for " + bare.key());
  if (!use_fused && !after.source.empty()) after_kernel = libraries.jit.kernel(after.source, "pointwise");
  return workspace;
}

void CudnnStep::run(Libraries& libraries, const Launch& launch) const {
  if (use_strips) return run_strips(launch);
  ConvPointers pointers{launch.pointer(x), launch.pointer(w), nullptr,
                        nullptr,           launch.pointer(y), launch.pointer(scratch)};
  if (!use_fused) {
    libraries.cudnn.run(bare, pointers, launch.stream);
    if (after_kernel == nullptr) return;
    launch_pointwise(after_kernel, after, launch);
    return;
  }
  if (bias) pointers.bias = launch.pointer(*bias);
  if (residual) pointers.residual = launch.pointer(*residual);
  libraries.cudnn.run(fused, pointers, launch.stream);
}

std::shared_ptr<CudnnStep> make_cudnn_step(Emitter& e, const FusedOp& op, const Conv& conv, View x) {
  auto step = std::make_shared<CudnnStep>();
  step->x = std::move(x);
  step->w = packed_weight(e, conv);
  Dims y = conv.y;
  y[1] = round_up(conv.y[1]);
  step->y = e.make(y, e.storage(op.root), kNhwc);
  if (conv.bias) step->bias = packed_bias(e, conv, e.precision());
  if (op.residual) {
    View like = step->y;
    like.dtype = e.precision();
    step->residual = residual_like(e, *op.residual, like);
  }
  step->scratch = e.make_scratch(1);
  step->bare = step->fused = describe(conv, step->x, step->y);
  step->fused.bias = step->bias.has_value();
  if (step->residual) step->fused.residual_strides = step->residual->strides;
  if (op.activation == UnaryKind::kRelu) step->fused.activation = ConvActivation::kRelu;
  if (op.activation == UnaryKind::kSilu) step->fused.activation = ConvActivation::kSilu;
  step->after = after_core(*step, op);
  step->strips_fit = is_plain_3x3(conv) && conv.x[1] == kStripConvChannels && conv.y[1] == kStripConvChannels &&
                     step->y.dtype == e.precision() && (!op.activation || op.activation == UnaryKind::kRelu);
  return step;
}

void emit_conv2d(Emitter& e, const FusedOp& op) {
  if (op.enlarged) return emit_enlarged_conv(e, op);
  if (op.resized) return emit_resized_conv(e, op);
  const Conv conv = read_conv(e, op.core);
  // A few channels of a few pixels are not worth a library's set-up, and the loops sum them in f32.
  const bool small = conv.x[1] * conv.y[1] < 64 && conv.y[2] * conv.y[3] < 4096;
  if (!small && (emit_as_product(e, op, conv) || emit_few_channel_conv(e, op, conv) || emit_narrow_conv(e, op, conv) ||
                 emit_by_cudnn(e, op, conv)))
    return;
  emit_plainly(e, op, conv);
}

void emit_conv_transpose2d(Emitter& e, Value v) {
  const Node& node = e.node(v);
  const auto& attrs = std::get<graph::ConvTranspose2dAttrs>(node.attrs);
  const Dims x = e.dims(node.operands[0]);
  const Dims y = e.dims(v);
  const Dims w = e.dims(node.operands[1]);
  const auto weight = constant_of(e.graph(), node.operands[1]);
  const bool has_bias = node.operands.size() > 2;
  const auto bias = has_bias ? constant_of(e.graph(), node.operands[2]) : std::nullopt;
  const bool tiles = w[2] == attrs.stride && w[3] == attrs.stride && attrs.pad == 0 && attrs.groups == 1;
  if (tiles && weight && (!has_bias || bias) && x[1] % 8 == 0 && y[1] % 8 == 0) {
    // Every input pixel makes a tile of its own: one product, whose columns are then laid out as tiles.
    const std::int64_t r = w[2];
    const std::int64_t k = y[1];
    GemmCall call;
    call.y_type = e.precision();
    call.x = e.rows(transposed(e.channels_last(e.view(node.operands[0])), {0, 2, 3, 1}), e.precision());
    call.weight = e.weight({*weight}, {e.precision(), {r * r, k, x[1]}, {}, {1, r * r, k * r * r}});
    call.weight = *reshaped(call.weight, {r * r * k, x[1]});
    if (bias) call.bias = e.vector(std::vector<Tensor>(static_cast<std::size_t>(r * r), *bias), e.precision());
    const View product = *reshaped(emit_gemm(e, call, "conv_transpose2d"), {x[0], x[2], x[3], r, r, k});
    const View out = e.make(y, e.storage(v), kNhwc);
    View tiled = out;
    tiled.dims = {x[0], x[2], x[3], r, r, k};
    tiled.strides = {out.strides[0], r * out.strides[2], r * out.strides[3], out.strides[2], out.strides[3], 1};
    e.pointwise({{tiled, {product}, {}, "a0"}}, "tiles");
    return e.define(v, out);
  }
  View from = e.view(node.operands[0]);
  const View matrix = e.float_vector(node.operands[1]);
  std::optional<View> added;
  if (has_bias) added = e.float_vector(node.operands[2]);
  const View out = e.result(v, {0, 1, 2, 3});
  std::vector<View> reads{from, matrix};
  if (added) reads.push_back(*added);
  e.add_step("conv_transpose2d, plain", reads, {out},
             [from, matrix, added, out, r = w[2], s = w[3], attrs](Libraries&, const Launch& launch) {
               launch_plain_conv_transpose(located(strided(from), from, launch), launch.pointer<float>(matrix),
                                           added ? launch.pointer<float>(*added) : nullptr,
                                           located(strided(out), out, launch), r, s, attrs, launch.stream);
             });
  e.define(v, out);
}

}  // namespace comfystream::backend::cuda
