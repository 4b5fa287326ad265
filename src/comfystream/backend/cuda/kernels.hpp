// SPDX-License-Identifier: Apache-2.0
// Our own kernels, as functions that launch them. All pointers are device memory; sizes are checked by the callers.
// Launch errors throw Error.
#pragma once

#include "comfystream/backend/cuda/view.hpp"
#include "comfystream/graph/op.hpp"

#include <cuda_runtime_api.h>

namespace comfystream::backend::cuda {

/// Whether this build holds our kernels for device `device`. The thread's current device stays.
[[nodiscard]] bool kernels_fit_device(int device);

/// A weight's packing (see Packing): `to` dense `dims`.
struct PackCall {
  DType from_type, to_type;
  const void* from;
  void* to;
  const float* scale;  ///< or nullptr
  Dims dims, valid, strides;
  bool quarters = false;
};
void launch_pack(const PackCall& call, cudaStream_t stream);

/// A tensor as kernels for any layout see it: up to five dimensions, of a floating type where nothing else is said.
struct Strided {
  void* data = nullptr;
  DType dtype = DType::kF32;
  std::int64_t dims[5] = {1, 1, 1, 1, 1};
  std::int64_t strides[5] = {0, 0, 0, 0, 0};
};

/// GroupNorm over [batch, channels, pixels] whose channels are adjacent: pixel p of frame n starts at n * batch_stride
/// + p * pixel_stride. Statistics in f32 around each group's mean. y is dense. shift (one for each frame and
/// channel, shift_stride apart) is added to x first.
struct GroupNormCall {
  const void* x;
  DType x_type;
  std::int64_t batch_stride, pixel_stride;
  const void* shift;
  DType shift_type;
  std::int64_t shift_stride;
  const float* weight;
  const float* bias;
  void* y;
  DType y_type;
  std::int64_t batch, channels, pixels, groups;
  float epsilon;
  bool silu;
  float* scratch;  ///< group_norm_scratch() bytes
};
/// Bytes.
[[nodiscard]] std::int64_t group_norm_scratch(std::int64_t batch, std::int64_t groups);
/// How a group norm runs: as is best by rule; by clusters of blocks that keep a set of groups, or a whole frame, in
/// shared memory; by two kernels over whole rows of channels. All but the first take values of 16 bits only.
enum class GroupNormWay : std::uint8_t { kByRule, kSets, kFrames, kRows };
/// Whether the way takes this call; if not, nothing was started. kByRule takes all.
bool launch_group_norm(const GroupNormCall& call, GroupNormWay way, cudaStream_t stream);

/// LayerNorm of `rows` rows of `columns` adjacent elements; y is dense. Row r of x starts at r / group_rows *
/// group_stride + r % group_rows * row_stride.
struct LayerNormCall {
  const void* x;
  DType x_type;
  std::int64_t row_stride, group_rows, group_stride;
  const float* weight;
  const float* bias;
  void* y;
  DType y_type;
  std::int64_t rows, columns;
  float epsilon;
};
void launch_layer_norm(const LayerNormCall& call, cudaStream_t stream);

/// x, y [N, C, H, W] in any layout.
void launch_resize(const Strided& x, const Strided& y, const graph::ResizeAttrs& attrs, cudaStream_t stream);
/// Nearest or bilinear of one type of 16 bits whose channels are adjacent and a multiple of 8, eight at a time.
void launch_resize_nhwc(const Strided& x, const Strided& y, const graph::ResizeAttrs& attrs, cudaStream_t stream);
/// y = x resized bilinearly + residual; and max(y, 0) to `positive`, where it is one. Both lie as y does.
void launch_resize_add(const Strided& x, const Strided& y, const graph::ResizeAttrs& attrs, const void* residual,
                       void* positive, cudaStream_t stream);

/// A convolution of 3x3, with one pixel of border, of a map enlarged bilinearly, from what its taps make of the small
/// map: taps [batch, height, width, 9, channels], dense. y = sum over taps of taps resized and shifted, plus bias, then
/// relu; dense [batch, out_height, out_width, channels] of the taps' type, or with a head one value for each pixel: the
/// sum over channels of y * head, plus head_bias, then head_relu. Positions as launch_resize(). Not smaller than the
/// small map in either direction; channels a power of two from 8 to 128.
struct GatherTapsCall {
  DType type;
  const void* taps;
  const float* bias;  ///< or nullptr
  bool relu;
  const float* head;       ///< or nullptr
  const float* head_bias;  ///< or nullptr
  bool head_relu;
  void* y;
  DType y_type;  ///< `type`; with a head also f32
  std::int64_t batch, channels, height, width, out_height, out_width;
  bool align_corners;
};
void launch_gather_taps(const GatherTapsCall& call, cudaStream_t stream);

/// A convolution of 3x3, with one pixel of border, to at most 3 channels. Pixel (h, w) of frame n of x, of `type`,
/// starts at n * strides[0] + h * strides[1] + w * strides[2], multiples of 8; weight [33, channels] of `type` has the
/// kernels of tap t and output k at row 3 t + k. y is dense [batch, height, width, outputs].
struct NarrowConvCall {
  DType type;
  const void* x;
  std::int64_t strides[3];
  const void* weight;
  const float* bias;  ///< or nullptr
  void* y;
  DType y_type;
  std::int64_t batch, channels, height, width, outputs;
};
/// Whether there is a kernel for so many channels.
[[nodiscard]] bool has_narrow_conv(std::int64_t channels);
void launch_narrow_conv(const NarrowConvCall& call, cudaStream_t stream);

/// x [a, b, c, d, e] of `size` bytes an element; `fill` holds the constant.
struct PadCall {
  Strided x, y;
  std::int64_t size;
  graph::PadMode mode;
  std::int64_t before[5];
  std::uint64_t fill;
};
void launch_pad(const PadCall& call, cudaStream_t stream);

/// x [N, C, H, W] of any layout to y [N, P, H, W] of 16 bits with adjacent channels, P a multiple of 8: those beyond C
/// are zeros. Fewer than 2^32 elements.
void launch_fill_channels(const Strided& x, const Strided& y, cudaStream_t stream);

/// Folds x [a, b, 1, 1, e] over its last dimension into y [a, b], dense: f32 from floating types, else i32 or i64 as x.
void launch_reduce(const Strided& x, graph::ReduceKind kind, void* y, cudaStream_t stream);
/// Over the last of five dimensions, f32 out in x's dimensions and y's strides.
void launch_softmax(const Strided& x, const Strided& y, cudaStream_t stream);
/// table [rows, width] dense, of `size` bytes an element; indices dense. Indices outside are clamped into the table.
void launch_embedding(const void* indices, bool wide, std::int64_t count, const void* table, std::int64_t rows,
                      std::int64_t width, std::int64_t size, void* y, cudaStream_t stream);
/// t [rows] at `t_stride`; frequencies [half]; y dense [rows, dim].
void launch_timestep_embedding(const float* t, std::int64_t t_stride, const float* frequencies, std::int64_t rows,
                               std::int64_t dim, bool cosines_first, float* y, cudaStream_t stream);

/// x [N, C, H, W], weight [K, C / groups, R, S] dense f32, y [N, K, P, Q], bias f32 or nullptr. Any sizes, plain loops.
void launch_plain_conv(const Strided& x, const float* weight, const float* bias, const Strided& y, std::int64_t r,
                       std::int64_t s, const graph::Conv2dAttrs& attrs, cudaStream_t stream);
/// weight [C, K / groups, R, S]
void launch_plain_conv_transpose(const Strided& x, const float* weight, const float* bias, const Strided& y,
                                 std::int64_t r, std::int64_t s, const graph::ConvTranspose2dAttrs& attrs,
                                 cudaStream_t stream);
/// y [a, b, m, n] = x [a, b, m, k] w [a, b, n, k]^T + bias [n]; any strides (dimensions 0..3), plain loops in f32.
void launch_plain_product(const Strided& x, const Strided& w, const float* bias, const Strided& y, cudaStream_t stream);
/// y [rows, out] = sum over taps of weight[o, k] * x[row, index[o, k]] + bias[o], taps in order, in f32; the last of
/// five dimensions is the one that changes. Fastest where x and y have neighbours in the same axis. Fewer than 2^32
/// elements.
void launch_sparse_product(const Strided& x, const int* index, const float* weight, const float* bias,
                           std::int64_t taps, const Strided& y, cudaStream_t stream);
/// q, k, v, y [N, heads, tokens, size]; mask (optional data) over [N, heads, queries, keys]. Softmax in f32.
void launch_plain_attention(const Strided& q, const Strided& k, const Strided& v, const Strided& mask, const Strided& y,
                            float scale, bool causal, cudaStream_t stream);

}  // namespace comfystream::backend::cuda
