// SPDX-License-Identifier: Apache-2.0
// Attention by cuDNN's fused kernel where it takes the sizes, on plain loops otherwise.
#include "comfystream/backend/cuda/emitter.hpp"
#include "comfystream/backend/cuda/libraries.hpp"

#include <numeric>

namespace comfystream::backend::cuda {
namespace {

using graph::Node;
using graph::Value;

// Heads' elements adjacent, distances and address in steps of 16 bytes.
View adjacent_heads(Emitter& e, const View& from) {
  bool fits = from.dtype == e.precision() && from.strides[3] == 1 && from.offset % 8 == 0;
  for (std::size_t i = 0; i < 3; ++i)
    fits = fits && (from.dims[i] == 1 || (from.strides[i] % 8 == 0 && from.strides[i] > 0));
  if (!fits) return e.copy(from, e.precision(), {0, 2, 1, 3});
  View result = from;
  // The stride of a single element is arbitrary, but libraries check it.
  if (result.dims[0] == 1) result.strides[0] = result.dims[2] * result.strides[2];
  if (result.dims[1] == 1) result.strides[1] = result.dims[3];
  if (result.dims[2] == 1) result.strides[2] = result.dims[1] * result.dims[3];
  return result;
}

// Keys that serve every frame make the frames' queries one long row of queries.
bool merge_frames(View& q, View& y) {
  const auto merge = [](View& view) {
    if (view.strides[0] != view.dims[2] * view.strides[2]) return false;
    view.dims[2] *= view.dims[0];
    view.dims[0] = 1;
    view.strides[0] = view.dims[2] * view.strides[2];
    return true;
  };
  View merged_q = q;
  View merged_y = y;
  if (!merge(merged_q) || !merge(merged_y)) return false;
  q = merged_q;
  y = merged_y;
  return true;
}

struct Parts {
  View q, k, v, y;
};

void add_cudnn_step(Emitter& e, const Parts& parts, const graph::AttentionAttrs& attrs) {
  AttentionProblem problem{parts.q.dtype, parts.q.dims,    parts.q.strides, parts.k.dims, parts.k.strides,
                           parts.v.dims,  parts.v.strides, parts.y.strides, attrs.scale,  attrs.causal};
  const View scratch = e.make_scratch(1);
  struct State {
    bool by_cudnn = true;
  };
  auto state = std::make_shared<State>();
  Step& step = e.add_step(
      "attention " + std::to_string(parts.q.dims[1]) + "x" + std::to_string(parts.q.dims[3]) + " " +
          std::to_string(parts.q.dims[2]) + " by " + std::to_string(parts.k.dims[2]),
      {parts.q, parts.k, parts.v}, {parts.y},
      [problem, parts, scratch, state, attrs](Libraries& libraries, const Launch& launch) {
        const auto& [q, k, v, y] = parts;
        if (state->by_cudnn) {
          libraries.cudnn.run(
              problem,
              {launch.pointer(q), launch.pointer(k), launch.pointer(v), launch.pointer(y), launch.pointer(scratch)},
              launch.stream);
        } else {
          launch_plain_attention(located(strided(q), q, launch), located(strided(k), k, launch),
                                 located(strided(v), v, launch), {}, located(strided(y), y, launch), attrs.scale,
                                 attrs.causal, launch.stream);
        }
      },
      [problem, state](Libraries& libraries) {
        const std::int64_t workspace = libraries.cudnn.prepare(problem);
        state->by_cudnn = workspace >= 0;
        return std::max<std::int64_t>(workspace, 1);
      },
      &scratch);
  step.flops = 4.0 * static_cast<double>(parts.q.dims[0] * parts.q.dims[1] * parts.q.dims[3]) *
               static_cast<double>(parts.q.dims[2]) * static_cast<double>(parts.k.dims[2]);
}

}  // namespace

void emit_attention(Emitter& e, Value v) {
  const Node& node = e.node(v);
  const auto& attrs = std::get<graph::AttentionAttrs>(node.attrs);
  const Dims dims = e.dims(v);
  // [B, heads, tokens, size] kept as [B, tokens, heads, size], so that joining the heads afterwards takes no copy.
  const View y = e.make(dims, e.storage(v), {0, 2, 1, 3});
  const bool masked = node.operands.size() > 3;
  const std::int64_t size = e.dims(node.operands[0])[3];
  const bool suits =
      !masked && y.dtype == e.precision() && size % 8 == 0 && size <= 256 && dims[3] == size && dims[2] > 1;
  if (suits) {
    Parts parts{adjacent_heads(e, e.view(node.operands[0])), adjacent_heads(e, e.view(node.operands[1])),
                adjacent_heads(e, e.view(node.operands[2])), y};
    const std::int64_t batch = dims[0];
    const bool one_for_all = batch > 1 && parts.k.dims[0] == 1 && parts.v.dims[0] == 1 && !attrs.causal;
    if (!one_for_all || !merge_frames(parts.q, parts.y)) {
      if (parts.k.dims[0] != batch)
        parts.k =
            e.copy(broadcast(parts.k, {batch, parts.k.dims[1], parts.k.dims[2], size}), e.precision(), {0, 2, 1, 3});
      if (parts.v.dims[0] != batch)
        parts.v =
            e.copy(broadcast(parts.v, {batch, parts.v.dims[1], parts.v.dims[2], size}), e.precision(), {0, 2, 1, 3});
    }
    add_cudnn_step(e, parts, attrs);
    return e.define(v, y);
  }
  const auto plain = [&](std::size_t operand) {
    const View x = e.view(node.operands[operand]);
    return is_floating(x.dtype) ? x : e.copy(x, DType::kF32, axis_order(x));
  };
  const View q = plain(0);
  const View k = broadcast(plain(1), {dims[0], dims[1], e.dims(node.operands[1])[2], size});
  const View values = broadcast(plain(2), {dims[0], dims[1], k.dims[2], dims[3]});
  std::optional<View> mask;
  std::vector<View> reads{q, k, values};
  if (masked) {
    mask = broadcast(plain(3), {dims[0], dims[1], dims[2], k.dims[2]});
    reads.push_back(*mask);
  }
  e.add_step("attention, plain", reads, {y}, [=](Libraries&, const Launch& launch) {
    launch_plain_attention(located(strided(q), q, launch), located(strided(k), k, launch),
                           located(strided(values), values, launch),
                           mask ? located(strided(*mask), *mask, launch) : Strided{}, located(strided(y), y, launch),
                           attrs.scale, attrs.causal, launch.stream);
  });
  e.define(v, y);
}

}  // namespace comfystream::backend::cuda
