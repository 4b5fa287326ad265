// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/fusion.hpp"

#include "comfystream/backend/cuda/constants.hpp"
#include "comfystream/backend/cuda/gated_product.hpp"
#include "comfystream/backend/cuda/storage_types.hpp"
#include "comfystream/backend/cuda/tap_weights.hpp"
#include "comfystream/backend/cuda/view.hpp"

#include <algorithm>
#include <set>

namespace comfystream::backend::cuda {
namespace {

using graph::BinaryKind;
using graph::Graph;
using graph::Node;
using graph::OpKind;
using graph::UnaryKind;
using graph::Value;

class Fuser {
 public:
  Fuser(const Graph& graph, const std::vector<DType>& storage, const FusionOptions& options)
      : graph_(graph), storage_(storage), options_(options) {}

  Fusion run() {
    count_users();
    assign_roles();
    for_each_op([&](Value v, const Node& node) {
      if (is_product(node.kind) && !taken_.contains(v.id)) extend_product(v);
    });
    for_each_op([&](Value v, const Node& node) {
      if (node.kind == OpKind::kGroupNorm) extend_norm(v);
      if (node.kind == OpKind::kResize) extend_resize(v);
    });
    inline_pointwise();
    if (options_.join_products) join_products();
    return std::move(fusion_);
  }

 private:
  // The one reader of a value that is read once and not given out.
  [[nodiscard]] std::optional<Value> only_user(Value v) const {
    if (users_[v.id].size() != 1 || given_out_[v.id]) return std::nullopt;
    return users_[v.id].front();
  }

  void count_users() {
    const auto& nodes = graph_.nodes();
    users_.resize(nodes.size());
    given_out_.assign(nodes.size(), false);
    used_.assign(nodes.size(), false);
    for (const auto& output : graph_.outputs()) given_out_[output.value.id] = used_[output.value.id] = true;
    for (std::size_t i = nodes.size(); i-- > 0;) {
      if (!used_[i]) continue;
      for (const auto operand : nodes[i].operands) used_[operand.id] = true;
    }
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (!used_[i]) continue;
      for (const auto operand : nodes[i].operands) users_[operand.id].push_back({static_cast<std::uint32_t>(i)});
    }
  }

  void assign_roles() {
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) {
      const OpKind kind = graph_.nodes()[i].kind;
      Role role = is_view(kind) ? Role::kView : Role::kOp;
      if (kind == OpKind::kInput || kind == OpKind::kParameter || kind == OpKind::kConstant) role = Role::kSource;
      if (!used_[i] && role != Role::kSource) role = Role::kUnused;
      fusion_.roles.push_back(role);
    }
  }

  template <typename Action>
  void for_each_op(Action action) {
    for (std::uint32_t i = 0; i < graph_.nodes().size(); ++i) {
      if (fusion_.roles[i] == Role::kOp) action(Value{i}, graph_.nodes()[i]);
    }
  }

  static bool is_product(OpKind kind) { return kind == OpKind::kConv2d || kind == OpKind::kLinear; }

  void extend_product(Value core) {
    FusedOp op{core, core, {}, {}, {}, {}, {}};
    if (absorb_gate(core)) return;
    if (graph_.node(core).kind == OpKind::kLinear) absorb_scale(op);
    absorb_residual(op);
    absorb_activation(op);
    if (op.root == core) absorb_enlargement(op);
    if (!op.residual && op.views.empty()) absorb_resize(op);
    if (op.root == core && !op.enlarged && !op.resized) return;
    Value at = core;
    while (at != op.root) {
      fusion_.roles[at.id] = Role::kAbsorbed;
      at = users_[at.id].front();
    }
    fusion_.fused.emplace(op.root.id, std::move(op));
  }

  // h[..., :n] * gelu(h[..., n:]) of a product h with constants, of a size that runs as one kernel.
  bool absorb_gate(Value core) {
    const Node& node = graph_.node(core);
    if (node.kind != OpKind::kLinear || node.operands.size() != 3 || given_out_[core.id]) return false;
    const auto& weight = graph_.type(node.operands[1]).shape;
    const std::int64_t out = weight[0].count / 2;
    if (users_[core.id].size() != 2 || !gated_product_takes(weight[1].count, out)) return false;
    if (!constant_of(graph_, node.operands[1]) || !constant_of(graph_, node.operands[2])) return false;
    const auto value = half_of(core, 0, out);
    const auto gate = half_of(core, out, 2 * out);
    if (!value || !gate) return false;
    const auto gelu = only_user(*gate);
    const auto product = only_user(*value);
    if (!gelu || !product || only_user(*gelu) != product || !is_binary(*product, BinaryKind::kMul)) return false;
    if (graph_.node(*gelu).kind != OpKind::kUnary || size_of(storage_[product->id]) != 2) return false;
    if (std::get<graph::UnaryAttrs>(graph_.node(*gelu).attrs).kind != UnaryKind::kGelu) return false;
    for (const Value inside : {core, *value, *gate, *gelu}) fusion_.roles[inside.id] = Role::kAbsorbed;
    fusion_.fused.emplace(product->id, FusedOp{core, *product, {}, {}, {}, {}, {}, {}, true});
    return true;
  }

  // The slice of v's last dimension that is [begin, end).
  [[nodiscard]] std::optional<Value> half_of(Value v, std::int64_t begin, std::int64_t end) const {
    const auto last = static_cast<std::int64_t>(graph_.type(v).shape.rank()) - 1;
    for (const Value user : users_[v.id]) {
      if (graph_.node(user).kind != OpKind::kSlice) continue;
      const auto& a = std::get<graph::SliceAttrs>(graph_.node(user).attrs);
      if (a.axis == last && a.begin == begin && a.end == end && a.step == 1 && !a.of_batch) return user;
    }
    return std::nullopt;
  }

  void absorb_scale(FusedOp& op) const {
    const auto user = only_user(op.root);
    if (!user || !is_binary(*user, BinaryKind::kMul)) return;
    const Value other = other_operand(*user, op.root);
    const auto width = graph_.type(op.root).shape.dims().back();
    const auto& shape = graph_.type(other).shape;
    const bool per_column = shape.rank() >= 1 && shape.dims().back() == width && shape.elements() == width;
    if (!per_column || graph_.type(*user).shape != graph_.type(op.root).shape || !constant_of(graph_, other)) return;
    op.scale = other;
    op.root = *user;
  }

  void absorb_residual(FusedOp& op) {
    FusedOp tried = op;
    auto user = only_user(tried.root);
    while (user && (graph_.node(*user).kind == OpKind::kReshape || graph_.node(*user).kind == OpKind::kTranspose)) {
      tried.views.push_back(*user);
      tried.root = *user;
      user = only_user(tried.root);
    }
    if (!user || !is_binary(*user, BinaryKind::kAdd) || taken_.contains(user->id)) return;
    const Value other = other_operand(*user, tried.root);
    if (other == tried.root || graph_.type(other).shape != graph_.type(tried.root).shape) return;
    if (graph_.type(*user).shape != graph_.type(other).shape || constant_of(graph_, other)) return;
    // The other operand must be there when this runs; an operation that has absorbed nothing runs at its own place.
    tried.residual = other;
    tried.root = *user;
    taken_.insert(user->id);
    op = std::move(tried);
  }

  void absorb_activation(FusedOp& op) const {
    const auto user = only_user(op.root);
    if (!user || graph_.node(*user).kind != OpKind::kUnary) return;
    const auto kind = std::get<graph::UnaryAttrs>(graph_.node(*user).attrs).kind;
    const bool linear = graph_.node(op.core).kind == OpKind::kLinear;
    const bool narrow = is_narrow(storage_[user->id]);
    const bool gelu =
        linear && narrow && options_.fuse_gelu && (kind == UnaryKind::kGelu || kind == UnaryKind::kGeluTanh);
    const bool silu = !linear && narrow && kind == UnaryKind::kSilu;
    if (kind != UnaryKind::kRelu && !gelu && !silu) return;
    op.activation = kind;
    op.root = *user;
  }

  [[nodiscard]] bool has_constants(const Node& conv) const {
    return constant_of(graph_, conv.operands[1]) && (conv.operands.size() < 3 || constant_of(graph_, conv.operands[2]));
  }

  // What a convolution of 3x3 that keeps the size reads, if that is a resize and nobody else reads it.
  [[nodiscard]] std::optional<Value> resize_in_front(const Node& conv) const {
    if (conv.kind != OpKind::kConv2d || !has_constants(conv)) return std::nullopt;
    const Value large = conv.operands[0];
    const auto& weight = graph_.type(conv.operands[1]).shape;
    const bool suits = weight[0].count % 8 == 0 && weight[1].count % 8 == 0 && weight[2].count == 3 &&
                       weight[3].count == 3 && keeps_size_of_3x3(std::get<graph::Conv2dAttrs>(conv.attrs));
    if (!suits || graph_.node(large).kind != OpKind::kResize || !only_user(large)) return std::nullopt;
    if (size_of(storage_[large.id]) != 2) return std::nullopt;
    return large;
  }

  // Nearest to exactly twice the size.
  void absorb_enlargement(FusedOp& op) {
    const auto found = resize_in_front(graph_.node(op.core));
    if (!found) return;
    const Value large = *found;
    const auto mode = std::get<graph::ResizeAttrs>(graph_.node(large).attrs).mode;
    if (mode != graph::ResizeMode::kNearest && mode != graph::ResizeMode::kNearestExact) return;
    const Value small = graph_.node(large).operands[0];
    const auto& from = graph_.type(small).shape;
    const auto& to = graph_.type(large).shape;
    if (to[2].count != 2 * from[2].count || to[3].count != 2 * from[3].count) return;
    op.enlarged = small;
    fusion_.roles[large.id] = Role::kAbsorbed;
  }

  // Bilinear to at least twice the pixels, and a quarter more in each direction.
  void absorb_resize(FusedOp& op) {
    const auto large = resize_in_front(graph_.node(op.core));
    if (!large || (op.activation && op.activation != UnaryKind::kRelu)) return;
    if (std::get<graph::ResizeAttrs>(graph_.node(*large).attrs).mode != graph::ResizeMode::kBilinear) return;
    const Value small = graph_.node(*large).operands[0];
    const std::int64_t outputs = graph_.type(op.core).shape[1].count;
    if (outputs > 128 || (outputs & (outputs - 1)) != 0) return;
    const auto& from = graph_.type(small).shape;
    const auto& to = graph_.type(*large).shape;
    const bool enlarges = 4 * to[2].count >= 5 * from[2].count && 4 * to[3].count >= 5 * from[3].count &&
                          to[2].count * to[3].count >= 2 * from[2].count * from[3].count;
    if (!enlarges) return;
    absorb_head(op);
    if (!op.head && !is_narrow(storage_[op.root.id])) return;
    op.resized = small;
    fusion_.roles[large->id] = Role::kAbsorbed;
    absorb_before(op);
  }

  [[nodiscard]] bool is_pixelwise(const Node& node) const {
    if (node.kind != OpKind::kConv2d || !has_constants(node)) return false;
    const auto& a = std::get<graph::Conv2dAttrs>(node.attrs);
    const auto& weight = graph_.type(node.operands[1]).shape;
    return weight[2].count == 1 && weight[3].count == 1 && a.groups == 1 && a.stride_h == 1 && a.stride_w == 1 &&
           a.pad_top + a.pad_left + a.pad_bottom + a.pad_right == 0;
  }

  // Of as many channels as it makes, or fewer; the weights of both become one matrix.
  void absorb_before(FusedOp& op) {
    const Value before = *op.resized;
    const Node& node = graph_.node(before);
    if (!is_pixelwise(node) || !only_user(before) || fusion_.fused.contains(before.id)) return;
    const auto& shape = graph_.type(node.operands[1]).shape;
    if (fusion_.roles[before.id] != Role::kOp || shape[1].count > shape[0].count || shape[1].count % 8 != 0) return;
    const Tensor weight = *constant_of(graph_, graph_.node(op.core).operands[1]);
    op.before = before;
    op.resized = node.operands[0];
    op.tap_weight = compose_taps(weight, *constant_of(graph_, node.operands[1]));
    if (node.operands.size() > 2) op.tap_bias = compose_tap_bias(weight, *constant_of(graph_, node.operands[2]));
    fusion_.roles[before.id] = Role::kAbsorbed;
  }

  void absorb_head(FusedOp& op) {
    const auto user = only_user(op.root);
    if (!user || !is_pixelwise(graph_.node(*user))) return;
    const auto& weight = graph_.type(graph_.node(*user).operands[1]).shape;
    if (weight[0].count != 1 || weight[1].count > 32) return;
    op.head = op.root = *user;
    taken_.insert(user->id);
    const auto last = only_user(op.root);
    if (!last || !is_relu(*last)) return;
    op.head_activation = UnaryKind::kRelu;
    op.root = *last;
  }

  void extend_norm(Value core) {
    FusedOp op{core, core, {}, {}, {}, {}, {}};
    const Value x = graph_.node(core).operands[0];
    if (const auto shift = per_channel_shift(x)) {
      op.shift = *shift;
      fusion_.roles[x.id] = Role::kAbsorbed;
    }
    const auto user = only_user(core);
    if (user && graph_.node(*user).kind == OpKind::kUnary &&
        std::get<graph::UnaryAttrs>(graph_.node(*user).attrs).kind == UnaryKind::kSilu) {
      op.activation = UnaryKind::kSilu;
      op.root = *user;
      fusion_.roles[core.id] = Role::kAbsorbed;
    }
    if (op.shift || op.activation) fusion_.fused.emplace(op.root.id, std::move(op));
  }

  // One pass over a large map instead of three.
  void extend_resize(Value core) {
    const auto& shape = graph_.type(core).shape;
    const auto mode = std::get<graph::ResizeAttrs>(graph_.node(core).attrs).mode;
    const auto user = only_user(core);
    if (mode != graph::ResizeMode::kBilinear || shape[1].batch || shape[1].count % 8 != 0 || !user) return;
    if (!is_binary(*user, BinaryKind::kAdd) || taken_.contains(user->id) || fusion_.fused.contains(user->id)) return;
    const Value other = other_operand(*user, core);
    if (other == core || graph_.type(other).shape != shape || constant_of(graph_, other)) return;
    if (!is_narrow(storage_[graph_.node(core).operands[0].id]) || !is_narrow(storage_[user->id])) return;
    FusedOp op{core, *user, {}, {}, {}, other, {}};
    taken_.insert(user->id);
    fusion_.roles[core.id] = Role::kAbsorbed;
    for (const Value reader : users_[user->id]) {
      if (!is_relu(reader) || given_out_[reader.id] || !is_narrow(storage_[reader.id])) continue;
      op.positive = reader;
      made_along_.insert(reader.id);
      break;
    }
    fusion_.fused.emplace(op.root.id, std::move(op));
  }

  [[nodiscard]] bool is_relu(Value v) const {
    return graph_.node(v).kind == OpKind::kUnary &&
           std::get<graph::UnaryAttrs>(graph_.node(v).attrs).kind == UnaryKind::kRelu;
  }

  // x = h + shift with a shift for each channel, read by one norm alone: the shift.
  [[nodiscard]] std::optional<Value> per_channel_shift(Value x) const {
    if (fusion_.roles[x.id] != Role::kOp || taken_.contains(x.id) || !only_user(x)) return std::nullopt;
    if (!is_binary(x, BinaryKind::kAdd) || graph_.type(x).shape.rank() != 4) return std::nullopt;
    for (const std::size_t i : {0U, 1U}) {
      const Value shift = graph_.node(x).operands[i];
      const Value h = graph_.node(x).operands[1 - i];
      const auto& shape = graph_.type(shift).shape;
      const auto& whole = graph_.type(x).shape;
      if (shape.rank() != 4 || graph_.type(h).shape != whole) continue;
      const bool fits = (shape[0] == whole[0] || shape[0] == graph::Dim(1)) && shape[1] == whole[1] &&
                        shape[2] == graph::Dim(1) && shape[3] == graph::Dim(1);
      if (fits && whole[2].count * whole[3].count > 1) return shift;
    }
    return std::nullopt;
  }

  void inline_pointwise() {
    std::vector<std::size_t> weight(graph_.nodes().size(), 1);  // elementwise nodes computed with this one
    for_each_op([&](Value v, const Node& node) {
      if (!is_pointwise(node.kind) || fusion_.fused.contains(v.id) || made_along_.contains(v.id)) return;
      for (const auto operand : node.operands) weight[v.id] += is_inlined(operand) ? weight[operand.id] : 0;
      const auto user = only_user(v);
      if (!user || weight[v.id] > 24) return;
      const Role role = fusion_.roles[user->id];
      const bool pointwise = is_pointwise(graph_.node(*user).kind) && !fusion_.fused.contains(user->id);
      // A join copies each part as it is; a part that is a repeated or converted value is best computed there too.
      const bool joined = graph_.node(*user).kind == OpKind::kConcat && uses_of(*user, v) == 1;
      if (role == Role::kOp && (pointwise || joined)) fusion_.roles[v.id] = Role::kInlined;
    });
  }

  [[nodiscard]] bool is_inlined(Value v) const { return fusion_.roles[v.id] == Role::kInlined; }
  [[nodiscard]] std::ptrdiff_t uses_of(Value user, Value v) const {
    return std::ranges::count(graph_.node(user).operands, v);
  }

  void join_products() {
    std::map<std::pair<std::uint32_t, bool>, std::vector<Value>> by_operand;
    for_each_op([&](Value v, const Node& node) {
      if (node.kind != OpKind::kLinear || fusion_.fused.contains(v.id) || !is_narrow(storage_[v.id])) return;
      const auto& weight = graph_.type(node.operands[1]).shape;
      const bool has_bias = node.operands.size() == 3;
      if (weight[0].count % 8 != 0 || weight[1].count % 8 != 0 || !constant_of(graph_, node.operands[1])) return;
      if (has_bias && !constant_of(graph_, node.operands[2])) return;
      by_operand[{node.operands[0].id, has_bias}].push_back(v);
    });
    for (auto& [key, members] : by_operand) {
      if (members.size() < 2) continue;
      const auto first = members.front().id;
      for (const auto member : members) fusion_.joined_into[member.id] = first;
      fusion_.joined[first] = std::move(members);
    }
  }

  [[nodiscard]] bool is_binary(Value v, BinaryKind kind) const {
    const Node& node = graph_.node(v);
    return node.kind == OpKind::kBinary && node.type.dtype == DType::kF32 &&
           std::get<graph::BinaryAttrs>(node.attrs).kind == kind;
  }
  [[nodiscard]] Value other_operand(Value binary, Value one) const {
    const auto& operands = graph_.node(binary).operands;
    return operands[0] == one ? operands[1] : operands[0];
  }

  const Graph& graph_;
  const std::vector<DType>& storage_;
  FusionOptions options_;
  Fusion fusion_;
  std::vector<std::vector<Value>> users_;  // once for each operand that names the value
  std::vector<bool> given_out_;
  std::vector<bool> used_;
  std::set<std::uint32_t> taken_;       // additions and heads that an operation has absorbed
  std::set<std::uint32_t> made_along_;  // second results of fused operations
};

}  // namespace

bool keeps_size_of_3x3(const graph::Conv2dAttrs& a) {
  const auto all_one = [](auto... values) { return ((values == 1) && ...); };
  return all_one(a.pad_top, a.pad_left, a.pad_bottom, a.pad_right, a.stride_h, a.stride_w, a.dilation_h, a.dilation_w,
                 a.groups);
}

Fusion fuse(const Graph& graph, const std::vector<DType>& storage, const FusionOptions& options) {
  return Fuser(graph, storage, options).run();
}

}  // namespace comfystream::backend::cuda
