// SPDX-License-Identifier: Apache-2.0
// The operations of a graph and their attributes. Semantics are NumPy's and PyTorch's; the reference backend is the
// definition. Layout of pictures and feature maps inside the graph: NCHW unless an op says otherwise.
#pragma once

#include "comfystream/graph/sym_shape.hpp"
#include "comfystream/tensor/dtype.hpp"
#include "comfystream/tensor/tensor.hpp"

#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>
#include <vector>

namespace comfystream::graph {

class Graph;

enum class OpKind : std::uint8_t {
  kInput,      ///< a live input: one row per frame
  kParameter,  ///< a tensor that may change between two batches
  kConstant,   ///< weights
  kConv2d,
  kConvTranspose2d,
  kLinear,
  kMatmul,
  kAttention,
  kGroupNorm,
  kLayerNorm,
  kUnary,
  kBinary,
  kClamp,
  kCompare,
  kSelect,
  kConcat,
  kSlice,
  kReshape,
  kTranspose,
  kExpand,
  kResize,
  kPad,
  kEmbedding,
  kReduce,
  kSoftmax,
  kCast,
  kTimestepEmbedding,
  kLoop,
};

enum class UnaryKind : std::uint8_t {
  kSilu,
  kGelu,
  kGeluTanh,
  kQuickGelu,
  kRelu,
  kTanh,
  kSigmoid,
  kFloor,
  kRound,
  kExp,
  kLog,
  kSqrt,
  kNeg,
  kAbs,
};
enum class BinaryKind : std::uint8_t { kAdd, kSub, kMul, kDiv, kMin, kMax, kPow };
enum class CompareKind : std::uint8_t { kLess, kLessEqual, kGreater, kGreaterEqual, kEqual };
enum class ReduceKind : std::uint8_t { kMin, kMax, kMean, kSum };
enum class ResizeMode : std::uint8_t { kNearest, kNearestExact, kBilinear, kBicubic };
enum class PadMode : std::uint8_t { kConstant, kReflect, kReplicate };

struct InputAttrs {};
struct ParameterAttrs {
  /// Value until it is first set. A parameter of one row per slot may be given any number of slots' rows here; they are
  /// repeated in turn up to the largest batch (see Builder::parameter).
  Tensor initial;
};
struct ConstantAttrs {
  Tensor value;
};
struct Conv2dAttrs {
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t groups = 1;
};
/// PyTorch's ConvTranspose2d with weight [in, out / groups, kh, kw]; out = (in - 1) * stride - 2 * pad + kernel.
struct ConvTranspose2dAttrs {
  std::int64_t stride = 1;
  std::int64_t pad = 0;
  std::int64_t groups = 1;
};
struct MatmulAttrs {
  bool transpose_b = false;
};
/// softmax(q k^T * scale + mask) v over [N, heads, tokens, head_size].
struct AttentionAttrs {
  float scale = 1.0F;
  bool causal = false;
};
struct GroupNormAttrs {
  std::int64_t groups = 32;
  float epsilon = 1e-5F;
};
/// Over the last dimension.
struct LayerNormAttrs {
  float epsilon = 1e-5F;
};
struct UnaryAttrs {
  UnaryKind kind;
};
struct BinaryAttrs {
  BinaryKind kind;
};
struct ClampAttrs {
  float low;
  float high;
};
struct CompareAttrs {
  CompareKind kind;
};
struct ConcatAttrs {
  std::int64_t axis;
};
/// Elements begin, begin + step, ... below end, along one axis. Begin and end count from 0; end <= the dimension.
/// of_batch: the axis is k * N long and begin and end count in units of N (step is 1), so [2N, ...] cuts into halves.
struct SliceAttrs {
  std::int64_t axis;
  std::int64_t begin;
  std::int64_t end;
  std::int64_t step = 1;
  bool of_batch = false;
};
struct ReshapeAttrs {
  SymShape shape;
};
struct TransposeAttrs {
  std::vector<std::int64_t> order;  ///< output axis i is input axis order[i]
};
struct ExpandAttrs {
  SymShape shape;  ///< dimensions of 1 are repeated up to this shape; ranks are equal
};
/// Resizes the last two dimensions of [N, C, H, W]; PyTorch's interpolate with antialias=False. kNearestExact and
/// kNearest ignore align_corners; bicubic uses a = -0.75.
struct ResizeAttrs {
  ResizeMode mode;
  std::int64_t height;
  std::int64_t width;
  bool align_corners = false;
};
struct PadAttrs {
  PadMode mode = PadMode::kConstant;
  std::vector<std::int64_t> before;  ///< one entry per axis
  std::vector<std::int64_t> after;
  float value = 0.0F;
};
struct ReduceAttrs {
  ReduceKind kind;
  std::vector<std::int64_t> axes;  ///< kept as dimensions of 1
};
struct SoftmaxAttrs {
  std::int64_t axis;
};
struct CastAttrs {
  DType dtype;  ///< float to u8 truncates towards zero and saturates to 0..255; float to integer truncates
};
/// Sinusoids of timesteps [N] -> [N, dim]. flip_sin_to_cos: cosines first (LDM, diffusers' SD 1.x setting).
struct TimestepEmbeddingAttrs {
  std::int64_t dim;
  bool flip_sin_to_cos = true;
  float downscale_freq_shift = 0.0F;
  float max_period = 10000.0F;
};
/// Runs `body` `trip_count` times. Operands: `tables` tensors [trip_count, ...] of which iteration i sees row i
/// (without the leading dimension), then `carried` values, then invariants. The body's inputs are the same in that
/// order (all kInput nodes), its outputs the next `carried` values. The loop's value is the first carried value at the
/// end.
struct LoopAttrs {
  std::shared_ptr<const Graph> body;
  std::int64_t trip_count = 0;
  std::int64_t tables = 0;
  std::int64_t carried = 0;
};
/// For ops that need no attributes: kLinear, kSelect, kEmbedding.
struct NoAttrs {};

using Attrs =
    std::variant<NoAttrs, InputAttrs, ParameterAttrs, ConstantAttrs, Conv2dAttrs, ConvTranspose2dAttrs, MatmulAttrs,
                 AttentionAttrs, GroupNormAttrs, LayerNormAttrs, UnaryAttrs, BinaryAttrs, ClampAttrs, CompareAttrs,
                 ConcatAttrs, SliceAttrs, ReshapeAttrs, TransposeAttrs, ExpandAttrs, ResizeAttrs, PadAttrs, ReduceAttrs,
                 SoftmaxAttrs, CastAttrs, TimestepEmbeddingAttrs, LoopAttrs>;

/// "conv2d", "group_norm", ...: the names used in dumps and errors.
std::string_view to_string(OpKind kind) noexcept;
std::string_view to_string(UnaryKind kind) noexcept;
std::string_view to_string(BinaryKind kind) noexcept;
std::string_view to_string(CompareKind kind) noexcept;
std::string_view to_string(ReduceKind kind) noexcept;
std::string_view to_string(ResizeMode mode) noexcept;
std::string_view to_string(PadMode mode) noexcept;

}  // namespace comfystream::graph
