// SPDX-License-Identifier: Apache-2.0
// What the ways of computing a convolution share.
#pragma once

#include "comfystream/backend/cuda/emitter.hpp"
#include "comfystream/backend/cuda/libraries.hpp"

#include <memory>
#include <optional>
#include <string>

namespace comfystream::backend::cuda {

inline const std::vector<std::size_t> kNhwc{0, 2, 3, 1};

struct Conv {
  const graph::Node& node;
  const graph::Conv2dAttrs& attrs;
  Dims x, y;                     // [N, C, H, W], [N, K, P, Q]
  std::optional<Tensor> weight;  // [K, C / groups, R, S]
  std::optional<Tensor> bias;
  bool has_bias = false;
  std::int64_t r = 0, s = 0;

  [[nodiscard]] bool constants() const { return weight && (!has_bias || bias); }
  [[nodiscard]] bool padded() const { return attrs.pad_top + attrs.pad_left + attrs.pad_bottom + attrs.pad_right != 0; }
};

[[nodiscard]] Conv read_conv(Emitter& e, graph::Value core);
/// 3x3 with one pixel of border and no strides, dilation or groups.
[[nodiscard]] bool is_plain_3x3(const Conv& conv);
/// "3x3 320->320 64x64"
[[nodiscard]] std::string size_text(const Conv& conv);
[[nodiscard]] double flops_of(const Conv& conv);

/// A convolution by cuDNN with what follows it, inside cuDNN's kernel or after it, or by our kernel for 64 channels:
/// whichever is fastest.
struct CudnnStep {
  ConvProblem fused, bare;
  View x, w, y, scratch;
  std::optional<View> bias, residual;
  PointwiseKernel after;  // what `fused` does beyond `bare`, in place
  cudaKernel_t after_kernel = nullptr;
  bool use_fused = true;
  bool strips_fit = false;  // launch_strip_conv() can do it
  bool use_strips = false;

  /// Every operand but scratch and y.
  [[nodiscard]] std::vector<View> reads() const;
  /// By estimate where it was measured in parts.
  [[nodiscard]] float microseconds(Libraries& libraries) const;
  /// Bytes of scratch. Error where cuDNN has no plan.
  std::int64_t prepare(Libraries& libraries);
  void run(Libraries& libraries, const Launch& launch) const;

 private:
  [[nodiscard]] float after_microseconds() const;
  [[nodiscard]] float cudnn_microseconds(Libraries& libraries) const;
  std::int64_t prepare_cudnn(Libraries& libraries);
  [[nodiscard]] float strip_microseconds(Libraries& libraries) const;
  void run_strips(const Launch& launch) const;
};

/// x is channels_last(); the result's memory is made here.
[[nodiscard]] std::shared_ptr<CudnnStep> make_cudnn_step(Emitter& e, const FusedOp& op, const Conv& conv, View x);

/// A convolution of a picture enlarged to twice its size (FusedOp::enlarged).
void emit_enlarged_conv(Emitter& e, const FusedOp& op);
/// 3x3 of at most 32 channels; false where our kernel does not suit.
bool emit_few_channel_conv(Emitter& e, const FusedOp& op, const Conv& conv);
/// A convolution of a map that a bilinear resize enlarges (FusedOp::resized).
void emit_resized_conv(Emitter& e, const FusedOp& op);
/// 3x3 to at most three channels; false where our kernel does not suit.
bool emit_narrow_conv(Emitter& e, const FusedOp& op, const Conv& conv);

}  // namespace comfystream::backend::cuda
