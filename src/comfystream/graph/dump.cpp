// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/graph.hpp"

#include <sstream>
#include <string_view>

namespace comfystream::graph {
namespace {

std::string name_of(const Node& node) {
  if (const auto* a = std::get_if<UnaryAttrs>(&node.attrs)) return std::string(to_string(a->kind));
  if (const auto* a = std::get_if<BinaryAttrs>(&node.attrs)) return std::string(to_string(a->kind));
  if (const auto* a = std::get_if<CompareAttrs>(&node.attrs)) return std::string(to_string(a->kind));
  if (const auto* a = std::get_if<ReduceAttrs>(&node.attrs)) return std::string(to_string(a->kind));
  return std::string(to_string(node.kind));
}

// " name=value" for each attribute that says more than the operation's name and its types.
class Attributes {
 public:
  explicit Attributes(std::ostream& out) : out_(out) {}

  void operator()(const NoAttrs& /*a*/) {}
  void operator()(const InputAttrs& /*a*/) {}
  void operator()(const ParameterAttrs& /*a*/) {}
  void operator()(const ConstantAttrs& a) {
    if (a.value.elements() == 1 && is_floating(a.value.dtype())) out_ << ' ' << a.value.to_f32().values<float>()[0];
  }
  void operator()(const Conv2dAttrs& a) {
    pair("stride", a.stride_h, a.stride_w, 1);
    if (a.pad_top == a.pad_bottom && a.pad_left == a.pad_right) {
      pair("pad", a.pad_top, a.pad_left, 0);
    } else {
      list("pad", {a.pad_top, a.pad_left, a.pad_bottom, a.pad_right});
    }
    pair("dilation", a.dilation_h, a.dilation_w, 1);
    unless("groups", a.groups, 1);
  }
  void operator()(const ConvTranspose2dAttrs& a) {
    out_ << " stride=" << a.stride;
    unless("pad", a.pad, 0);
    unless("groups", a.groups, 1);
  }
  void operator()(const MatmulAttrs& a) { flag("transpose_b", a.transpose_b); }
  void operator()(const AttentionAttrs& a) {
    out_ << " scale=" << a.scale;
    flag("causal", a.causal);
  }
  void operator()(const GroupNormAttrs& a) { out_ << " groups=" << a.groups << " epsilon=" << a.epsilon; }
  void operator()(const LayerNormAttrs& a) { out_ << " epsilon=" << a.epsilon; }
  void operator()(const UnaryAttrs& /*a*/) {}
  void operator()(const BinaryAttrs& /*a*/) {}
  void operator()(const ClampAttrs& a) { out_ << " low=" << a.low << " high=" << a.high; }
  void operator()(const CompareAttrs& /*a*/) {}
  void operator()(const ConcatAttrs& a) { out_ << " axis=" << a.axis; }
  void operator()(const SliceAttrs& a) {
    const std::string_view unit = a.of_batch ? "N" : "";
    out_ << " axis=" << a.axis << " begin=" << a.begin << unit << " end=" << a.end << unit;
    unless("step", a.step, 1);
  }
  void operator()(const ReshapeAttrs& /*a*/) {}
  void operator()(const TransposeAttrs& a) { list("order", a.order); }
  void operator()(const ExpandAttrs& /*a*/) {}
  void operator()(const ResizeAttrs& a) {
    out_ << ' ' << to_string(a.mode);
    flag("align_corners", a.align_corners);
  }
  void operator()(const PadAttrs& a) {
    out_ << ' ' << to_string(a.mode);
    list("before", a.before);
    list("after", a.after);
    if (a.mode == PadMode::kConstant) out_ << " value=" << a.value;
  }
  void operator()(const ReduceAttrs& a) { list("axes", a.axes); }
  void operator()(const SoftmaxAttrs& a) { out_ << " axis=" << a.axis; }
  void operator()(const CastAttrs& /*a*/) {}
  void operator()(const TimestepEmbeddingAttrs& a) {
    flag("flip_sin_to_cos", a.flip_sin_to_cos);
    out_ << " downscale_freq_shift=" << a.downscale_freq_shift << " max_period=" << a.max_period;
  }
  void operator()(const LoopAttrs& a) {
    out_ << " trips=" << a.trip_count << " tables=" << a.tables << " carried=" << a.carried;
  }

 private:
  void unless(std::string_view name, std::int64_t value, std::int64_t usual) {
    if (value != usual) out_ << ' ' << name << '=' << value;
  }
  void pair(std::string_view name, std::int64_t h, std::int64_t w, std::int64_t usual) {
    if (h == w) return unless(name, h, usual);
    out_ << ' ' << name << '=' << h << 'x' << w;
  }
  void flag(std::string_view name, bool set) {
    if (set) out_ << ' ' << name;
  }
  void list(std::string_view name, const std::vector<std::int64_t>& values) {
    out_ << ' ' << name << '=';
    for (std::size_t i = 0; i < values.size(); ++i) out_ << (i == 0 ? "[" : ", ") << values[i];
    out_ << (values.empty() ? "[]" : "]");
  }

  std::ostream& out_;
};

void write(std::ostream& out, const Graph& graph, const std::string& indent) {
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    out << indent << '%' << i << " = " << name_of(node);
    if (!node.name.empty()) out << " \"" << node.name << '"';
    if (!node.operands.empty()) {
      for (std::size_t k = 0; k < node.operands.size(); ++k) out << (k == 0 ? "(%" : ", %") << node.operands[k].id;
      out << ')';
    }
    std::visit(Attributes(out), node.attrs);
    out << " : " << to_string(node.type.dtype) << ' ' << node.type.shape.to_string();
    if (!node.scope.empty()) out << "  # " << node.scope;
    out << '\n';
    if (const auto* loop = std::get_if<LoopAttrs>(&node.attrs)) write(out, *loop->body, indent + "  ");
  }
  for (const auto& output : graph.outputs())
    out << indent << "output \"" << output.name << "\" = %" << output.value.id << '\n';
}

}  // namespace

std::string dump(const Graph& graph) {
  std::ostringstream out;
  write(out, graph, "");
  return out.str();
}

}  // namespace comfystream::graph
