// SPDX-License-Identifier: Apache-2.0
// Group norms, in whichever of our kernels' ways is fastest for the size.
#include "comfystream/backend/cuda/emitter.hpp"
#include "comfystream/backend/cuda/libraries.hpp"
#include "comfystream/backend/cuda/rehearsal.hpp"

#include <algorithm>

namespace comfystream::backend::cuda {
namespace {

using graph::Node;
using graph::Value;

// [N, C, ...] as [N, pixels, C] with adjacent channels: itself, or a copy.
View pixels_by_channels(Emitter& e, const View& x) {
  std::vector<std::size_t> inside = natural_order(x.rank());
  std::rotate(inside.begin() + 1, inside.begin() + 2, inside.end());
  const Dims order(inside.begin(), inside.end());
  const std::int64_t pixels = x.elements() / std::max<std::int64_t>(x.dims[0] * x.dims[1], 1);
  const Dims wanted{x.dims[0], pixels, x.dims[1]};
  auto result = reshaped(transposed(x, order), wanted);
  if (result && (result->strides[2] == 1 || wanted[2] == 1)) return *result;
  return *reshaped(transposed(e.copy(x, x.dtype, inside), order), wanted);
}

// A shift [B or 1, C, 1, 1] with adjacent channels.
View shift_view(Emitter& e, Value shift) {
  const View given = e.floats(shift);
  return given.strides[1] == 1 ? given : e.copy(given, given.dtype, natural_order(4));
}

struct GroupNormStep {
  GroupNormCall sizes{};  // no pointers
  View x, weight, bias, y, scratch;
  std::optional<View> shift;
  GroupNormWay way = GroupNormWay::kByRule;

  [[nodiscard]] std::string key() const;
  std::int64_t prepare(Libraries& libraries);
  void choose(Libraries& libraries);
  bool run(GroupNormWay how, const Launch& launch) const;
};

struct NamedWay {
  GroupNormWay way;
  const char* name;
};
constexpr NamedWay kWays[] = {
    {GroupNormWay::kSets, "sets"}, {GroupNormWay::kFrames, "frames"}, {GroupNormWay::kRows, "rows"}};

std::string GroupNormStep::key() const {
  std::string text = "group_norm";
  for (const auto value :
       {sizes.batch, sizes.pixels, sizes.channels, sizes.groups, sizes.batch_stride, sizes.pixel_stride}) {
    text += " " + std::to_string(value);
  }
  return text + (shift ? " shift " : " ") + std::string(to_string(sizes.x_type));
}

bool GroupNormStep::run(GroupNormWay how, const Launch& launch) const {
  GroupNormCall call = sizes;
  call.x = launch.pointer(x);
  if (shift) call.shift = launch.pointer(*shift);
  call.weight = launch.pointer<float>(weight);
  call.bias = launch.pointer<float>(bias);
  call.y = launch.pointer(y);
  call.scratch = launch.pointer<float>(scratch);
  return launch_group_norm(call, how, launch.stream);
}

void GroupNormStep::choose(Libraries& libraries) {
  if (!is_narrow(sizes.x_type)) return;
  const auto known = libraries.cache.find(key());
  for (const NamedWay& candidate : kWays) {
    if (known == candidate.name) way = candidate.way;
  }
  if (known || !libraries.tunes) return;
  const auto alone = libraries.use.alone();
  std::vector<View> all{x, weight, bias, y};
  if (shift) all.push_back(*shift);
  all.push_back({scratch.buffer, DType::kU8, {group_norm_scratch(sizes.batch, sizes.groups)}, {1}, 0});
  const Rehearsal rehearsal(all);
  float best = 1e30F;
  std::string choice = "by rule";
  for (const NamedWay& candidate : kWays) {
    bool taken = false;
    const float time = rehearsal.microseconds([&](const Launch& launch) { taken = run(candidate.way, launch); });
    if (!taken || time >= best) continue;
    best = time;
    way = candidate.way;
    choice = candidate.name;
  }
  libraries.cache.insert(key(), choice);
}

std::int64_t GroupNormStep::prepare(Libraries& libraries) {
  choose(libraries);
  return group_norm_scratch(sizes.batch, sizes.groups);
}

}  // namespace

void emit_group_norm(Emitter& e, const FusedOp& op) {
  const Node& node = e.node(op.core);
  const auto& attrs = std::get<graph::GroupNormAttrs>(node.attrs);
  Value operand = node.operands[0];
  auto step = std::make_shared<GroupNormStep>();
  if (op.shift) {
    const auto& parts = e.node(operand).operands;
    operand = parts[0] == *op.shift ? parts[1] : parts[0];
    step->shift = shift_view(e, *op.shift);
  }
  const View x = step->x = pixels_by_channels(e, e.floats(operand));
  step->weight = e.float_vector(node.operands[1]);
  step->bias = e.float_vector(node.operands[2]);
  const Dims dims = e.dims(op.core);
  std::vector<std::size_t> inside = natural_order(dims.size());
  std::rotate(inside.begin() + 1, inside.begin() + 2, inside.end());
  step->y = e.make(dims, e.storage(op.root), inside);
  step->scratch = e.make_scratch(group_norm_scratch(x.dims[0], attrs.groups));
  GroupNormCall& sizes = step->sizes;
  sizes.x_type = x.dtype;
  sizes.batch_stride = x.strides[0];
  sizes.pixel_stride = x.strides[1];
  if (step->shift) {
    sizes.shift_type = step->shift->dtype;
    sizes.shift_stride = step->shift->dims[0] == 1 ? 0 : step->shift->strides[0];
  }
  sizes.y_type = step->y.dtype;
  sizes.batch = x.dims[0];
  sizes.channels = x.dims[2];
  sizes.pixels = x.dims[1];
  sizes.groups = attrs.groups;
  sizes.epsilon = attrs.epsilon;
  sizes.silu = op.activation.has_value();
  std::vector<View> reads{x, step->weight, step->bias};
  if (step->shift) reads.push_back(*step->shift);
  e.add_step(
      "group_norm " + std::to_string(dims[1]) + " " + std::to_string(x.dims[1]), reads, {step->y},
      [step](Libraries&, const Launch& launch) {
        if (!step->run(step->way, launch)) step->run(GroupNormWay::kByRule, launch);
      },
      [step](Libraries& libraries) { return step->prepare(libraries); }, &step->scratch);
  e.define(op.root, step->y);
}

}  // namespace comfystream::backend::cuda
