// SPDX-License-Identifier: Apache-2.0
// Attention by the faster of cuDNN's fused kernel and ours where they take the sizes, on plain loops otherwise.
#include "comfystream/backend/cuda/emitter.hpp"
#include "comfystream/backend/cuda/hopper_attention.hpp"
#include "comfystream/backend/cuda/libraries.hpp"
#include "comfystream/backend/cuda/rehearsal.hpp"

#include <algorithm>
#include <cstdlib>
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

struct AttentionStep {
  enum class By : std::uint8_t { kPlain, kCudnn, kOwn };

  Parts parts;
  AttentionProblem problem;
  View scratch;
  By by = By::kPlain;
  int way = 0;  // of hopper_attention_ways(), by ours

  // The number is the kernel's: told anew when it changes.
  [[nodiscard]] std::string key() const { return "own attention 2 " + problem.key(); }
  std::int64_t prepare(Libraries& libraries);
  bool recall(const Libraries& libraries, int ways);
  void measure(Libraries& libraries, std::int64_t workspace, int ways);
  void run(Libraries& libraries, const Launch& launch) const;
};

void AttentionStep::run(Libraries& libraries, const Launch& launch) const {
  const auto& [q, k, v, y] = parts;
  const AttentionPointers pointers{launch.pointer(q), launch.pointer(k), launch.pointer(v), launch.pointer(y),
                                   launch.pointer(scratch)};
  if (by == By::kOwn) {
    launch_hopper_attention(problem, way, pointers, launch.stream);
  } else if (by == By::kCudnn) {
    libraries.cudnn.run(problem, pointers, launch.stream);
  } else {
    launch_plain_attention(located(strided(q), q, launch), located(strided(k), k, launch),
                           located(strided(v), v, launch), {}, located(strided(y), y, launch), problem.scale,
                           problem.causal, launch.stream);
  }
}

void AttentionStep::measure(Libraries& libraries, std::int64_t workspace, int ways) {
  View room = scratch;
  room.dtype = DType::kU8;
  room.dims = {std::max<std::int64_t>(workspace, 1)};
  room.strides = {1};
  const Rehearsal rehearsal({parts.q, parts.k, parts.v, parts.y, room});
  AttentionStep best = *this;
  float least = 1e30F;
  for (int candidate = workspace >= 0 ? -1 : 0; candidate < ways; ++candidate) {
    by = candidate < 0 ? By::kCudnn : By::kOwn;
    way = std::max(candidate, 0);
    const float microseconds = rehearsal.microseconds([&](const Launch& launch) { run(libraries, launch); });
    if (microseconds >= least) continue;
    least = microseconds;
    best = *this;
  }
  *this = best;
  libraries.cache.insert(key(), std::to_string(by == By::kOwn ? way : -1));
}

// Whether an earlier run or another layer has chosen. A choice is the way's number, or -1 for cuDNN.
bool AttentionStep::recall(const Libraries& libraries, int ways) {
  const auto choice = libraries.cache.find(key());
  if (!choice) return false;
  const int number = std::atoi(choice->c_str());
  by = number < 0 ? By::kCudnn : By::kOwn;
  way = std::clamp(number, 0, ways - 1);
  return true;
}

std::int64_t AttentionStep::prepare(Libraries& libraries) {
  const int ways = hopper_attention_ways(problem);
  bool known = ways > 0 && recall(libraries, ways);
  if (ways > 0 && !libraries.tunes) by = By::kOwn;
  if (by == By::kOwn) return 1;
  const std::int64_t workspace = libraries.cudnn.prepare(problem);
  by = workspace >= 0 ? By::kCudnn : By::kPlain;
  if (ways > 0 && !known) {
    const auto alone = libraries.use.alone();
    // Many layers have the same problem: another thread may have measured it meanwhile.
    known = recall(libraries, ways);
    if (!known) measure(libraries, workspace, ways);
  }
  return by == By::kCudnn ? std::max<std::int64_t>(workspace, 1) : 1;
}

void add_fused_step(Emitter& e, const Parts& parts, const graph::AttentionAttrs& attrs) {
  const AttentionProblem problem{parts.q.dtype, parts.q.dims,    parts.q.strides, parts.k.dims, parts.k.strides,
                                 parts.v.dims,  parts.v.strides, parts.y.strides, attrs.scale,  attrs.causal};
  auto state = std::make_shared<AttentionStep>(AttentionStep{parts, problem, e.make_scratch(1)});
  Step& step = e.add_step(
      "attention " + std::to_string(parts.q.dims[1]) + "x" + std::to_string(parts.q.dims[3]) + " " +
          std::to_string(parts.q.dims[2]) + " by " + std::to_string(parts.k.dims[2]),
      {parts.q, parts.k, parts.v}, {parts.y},
      [state](Libraries& libraries, const Launch& launch) { state->run(libraries, launch); },
      [state](Libraries& libraries) { return state->prepare(libraries); }, &state->scratch);
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
    add_fused_step(e, parts, attrs);
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
