// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/node_key.hpp"

#include <bit>
#include <cstdint>
#include <string_view>

namespace comfystream::graph {
namespace {

// Every part has a fixed length or is preceded by it, so no two different sequences of parts give the same bytes.
class Key {
 public:
  void operator()(std::int64_t number) { raw(&number, sizeof number); }
  void operator()(float number) { (*this)(static_cast<std::int64_t>(std::bit_cast<std::uint32_t>(number))); }
  void operator()(std::string_view text) {
    (*this)(static_cast<std::int64_t>(text.size()));
    raw(text.data(), text.size());
  }
  template <typename Enum>
  requires std::is_enum_v<Enum> || std::is_same_v<Enum, bool>
  void operator()(Enum value) { (*this)(static_cast<std::int64_t>(value)); }
  void operator()(const std::vector<std::int64_t>& numbers) {
    (*this)(static_cast<std::int64_t>(numbers.size()));
    for (const auto number : numbers) (*this)(number);
  }
  void operator()(const SymShape& shape) {
    (*this)(static_cast<std::int64_t>(shape.rank()));
    for (const auto& dim : shape.dims()) all(dim.count, dim.batch);
  }
  template <typename... Parts>
  void all(const Parts&... parts) {
    ((*this)(parts), ...);
  }
  void raw(const void* bytes, std::size_t count) { bytes_.append(static_cast<const char*>(bytes), count); }

  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

void write(Key& key, const Node& node, std::span<const Value> operands);

// The overloads name every attribute: one that is added to op.hpp must be added here.
void write(Key& /*key*/, const NoAttrs& /*a*/) {}
void write(Key& /*key*/, const InputAttrs& /*a*/) {}
void write(Key& /*key*/, const ParameterAttrs& /*a*/) {}
void write(Key& key, const ConstantAttrs& a) {
  const auto bytes = a.value.bytes();
  if (bytes.size() <= kSmallConstant) {
    key(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  } else {
    key(static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(bytes.data())));
  }
}
void write(Key& key, const Conv2dAttrs& a) {
  key.all(a.stride_h, a.stride_w, a.pad_top, a.pad_left, a.pad_bottom, a.pad_right, a.dilation_h, a.dilation_w,
          a.groups);
}
void write(Key& key, const ConvTranspose2dAttrs& a) { key.all(a.stride, a.pad, a.groups); }
void write(Key& key, const MatmulAttrs& a) { key(a.transpose_b); }
void write(Key& key, const AttentionAttrs& a) { key.all(a.scale, a.causal); }
void write(Key& key, const GroupNormAttrs& a) { key.all(a.groups, a.epsilon); }
void write(Key& key, const LayerNormAttrs& a) { key(a.epsilon); }
void write(Key& key, const UnaryAttrs& a) { key(a.kind); }
void write(Key& key, const BinaryAttrs& a) { key(a.kind); }
void write(Key& key, const ClampAttrs& a) { key.all(a.low, a.high); }
void write(Key& key, const CompareAttrs& a) { key(a.kind); }
void write(Key& key, const ConcatAttrs& a) { key(a.axis); }
void write(Key& key, const SliceAttrs& a) { key.all(a.axis, a.begin, a.end, a.step, a.of_batch); }
void write(Key& key, const ReshapeAttrs& a) { key(a.shape); }
void write(Key& key, const TransposeAttrs& a) { key(a.order); }
void write(Key& key, const ExpandAttrs& a) { key(a.shape); }
void write(Key& key, const ResizeAttrs& a) { key.all(a.mode, a.height, a.width, a.align_corners); }
void write(Key& key, const PadAttrs& a) { key.all(a.mode, a.before, a.after, a.value); }
void write(Key& key, const ReduceAttrs& a) { key.all(a.kind, a.axes); }
void write(Key& key, const SoftmaxAttrs& a) { key(a.axis); }
void write(Key& key, const CastAttrs& a) { key(a.dtype); }
void write(Key& key, const TimestepEmbeddingAttrs& a) {
  key.all(a.dim, a.flip_sin_to_cos, a.downscale_freq_shift, a.max_period);
}
void write(Key& key, const LoopAttrs& a) {
  key.all(a.trip_count, a.tables, a.carried, std::ssize(a.body->nodes()));
  for (const auto& node : a.body->nodes()) write(key, node, node.operands);
  for (const auto& output : a.body->outputs()) key(static_cast<std::int64_t>(output.value.id));
}

void write(Key& key, const Node& node, std::span<const Value> operands) {
  key.all(node.kind, node.type.dtype, node.type.shape);
  if (node.kind == OpKind::kInput || node.kind == OpKind::kParameter) key(std::string_view(node.name));
  key(static_cast<std::int64_t>(operands.size()));
  for (const auto operand : operands) key(static_cast<std::int64_t>(operand.id));
  key(static_cast<std::int64_t>(node.attrs.index()));
  std::visit([&](const auto& attrs) { write(key, attrs); }, node.attrs);
}

}  // namespace

std::string node_key(const Node& node, std::span<const Value> operands) {
  Key key;
  write(key, node, operands);
  return key.take();
}

}  // namespace comfystream::graph
