// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/shape_rules_detail.hpp"

#include <algorithm>

namespace comfystream::graph::detail {
namespace {

constexpr std::size_t kBias = 2;

void require_bias(const Rule& rule, std::int64_t channels) {
  if (rule.operands.size() <= kBias) return;
  if (rule.shape(kBias) != SymShape{channels}) rule.fail("the bias must be [" + std::to_string(channels) + "]");
}

void require_fixed_from(const Rule& rule, std::size_t index, std::size_t axis) {
  const auto& dims = rule.shape(index).dims();
  for (std::size_t i = axis; i < dims.size(); ++i) rule.require(!dims[i].batch, "only the leading dimension may be N");
}

void require_image_and_kernel(const Rule& rule) {
  rule.require_count(2, 3);
  rule.require_f32();
  rule.require_rank(0, 4);
  rule.require_rank(1, 4);
  require_fixed_from(rule, 0, 1);
  require_fixed_from(rule, 1, 0);
}

std::int64_t conv_size(std::int64_t in, std::int64_t before, std::int64_t after, std::int64_t kernel,
                       std::int64_t dilation, std::int64_t stride) {
  const std::int64_t room = in + before + after - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

}  // namespace

ValueType conv2d(const Rule& rule) {
  require_image_and_kernel(rule);
  const auto& a = rule.attributes<Conv2dAttrs>();
  const auto& x = rule.shape(0);
  const auto& w = rule.shape(1);
  rule.require(a.stride_h > 0 && a.stride_w > 0 && a.dilation_h > 0 && a.dilation_w > 0 && a.groups > 0,
               "stride, dilation and groups must be positive");
  rule.require(std::min({a.pad_top, a.pad_left, a.pad_bottom, a.pad_right}) >= 0, "padding must not be negative");
  rule.require(w[1].count * a.groups == x[1].count && w[0].count % a.groups == 0,
               "the weight [out, in / groups, kh, kw] does not fit the input's channels and the groups");
  const std::int64_t height = conv_size(x[2].count, a.pad_top, a.pad_bottom, w[2].count, a.dilation_h, a.stride_h);
  const std::int64_t width = conv_size(x[3].count, a.pad_left, a.pad_right, w[3].count, a.dilation_w, a.stride_w);
  rule.require(height > 0 && width > 0, "the kernel is larger than the padded input");
  require_bias(rule, w[0].count);
  return {DType::kF32, {x[0], w[0], height, width}};
}

ValueType conv_transpose2d(const Rule& rule) {
  require_image_and_kernel(rule);
  const auto& a = rule.attributes<ConvTranspose2dAttrs>();
  const auto& x = rule.shape(0);
  const auto& w = rule.shape(1);
  rule.require(a.stride > 0 && a.groups > 0 && a.pad >= 0, "stride and groups must be positive, pad not negative");
  rule.require(w[0] == x[1] && x[1].count % a.groups == 0,
               "the weight [in, out / groups, kh, kw] does not fit the input's channels and the groups");
  const std::int64_t channels = w[1].count * a.groups;
  const std::int64_t height = (x[2].count - 1) * a.stride - 2 * a.pad + w[2].count;
  const std::int64_t width = (x[3].count - 1) * a.stride - 2 * a.pad + w[3].count;
  rule.require(height > 0 && width > 0, "the padding leaves nothing");
  require_bias(rule, channels);
  return {DType::kF32, {x[0], channels, height, width}};
}

ValueType linear(const Rule& rule) {
  rule.require_count(2, 3);
  rule.require_f32();
  rule.require_rank(1, 2);
  require_fixed_from(rule, 1, 0);
  rule.require(rule.shape(0).rank() >= 2, "the input must have rank 2 or more");
  SymShape shape = rule.shape(0);
  rule.require(shape.dims().back() == rule.shape(1)[1], "the weight [out, in] does not fit the input's last dimension");
  shape.dims().back() = rule.shape(1)[0];
  require_bias(rule, rule.shape(1)[0].count);
  return {DType::kF32, std::move(shape)};
}

ValueType matmul(const Rule& rule) {
  rule.require_count(2, 2);
  rule.require_f32();
  const auto& a = rule.shape(0).dims();
  const auto& b = rule.shape(1).dims();
  rule.require(a.size() >= 2 && b.size() >= 2, "both operands must have rank 2 or more");
  const bool transposed = rule.attributes<MatmulAttrs>().transpose_b;
  const Dim inner = transposed ? b.back() : b[b.size() - 2];
  const Dim columns = transposed ? b[b.size() - 2] : b.back();
  rule.require(a.back() == inner && !inner.batch, "the inner dimensions differ");
  SymShape shape = rule.broadcast(SymShape(std::vector<Dim>(a.begin(), a.end() - 2)),
                                  SymShape(std::vector<Dim>(b.begin(), b.end() - 2)));
  shape.dims().push_back(a[a.size() - 2]);
  shape.dims().push_back(columns);
  return {DType::kF32, std::move(shape)};
}

ValueType attention(const Rule& rule) {
  rule.require_count(3, 4);
  rule.require_f32();
  (void)rule.attributes<AttentionAttrs>();
  for (std::size_t i = 0; i < 3; ++i) {
    rule.require_rank(i, 4);
    require_fixed_from(rule, i, 1);
  }
  const auto& q = rule.shape(0);
  const auto& k = rule.shape(1);
  const auto& v = rule.shape(2);
  for (std::size_t i = 1; i < 3; ++i) {
    const auto& one = rule.shape(i);
    rule.require(one[0] == q[0] || one[0] == Dim{1}, "k and v must have the batch of q or 1");
    rule.require(one[1] == q[1], "q, k and v differ in their number of heads");
  }
  rule.require(k[3] == q[3], "q and k differ in their head size");
  rule.require(v[2] == k[2], "k and v differ in their number of tokens");
  if (rule.operands.size() == 4) {
    const SymShape scores{q[0], q[1], q[2], k[2]};
    const auto met = try_broadcast(rule.shape(3), scores);
    if (!met || *met != scores) rule.fail("the mask must broadcast to the scores " + scores.to_string());
  }
  return {DType::kF32, {q[0], q[1], q[2], v[3]}};
}

}  // namespace comfystream::graph::detail
