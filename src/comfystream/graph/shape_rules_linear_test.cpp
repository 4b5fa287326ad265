// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/shape_rules_test.hpp"

namespace comfystream::graph {
namespace {

constexpr Dim kTwoN{2, true};

Op conv(Conv2dAttrs attrs, SymShape x = {kBatch, 4, 9, 7}, SymShape w = {6, 4, 3, 3}) {
  return {OpKind::kConv2d, attrs, {f32(std::move(x)), f32(std::move(w)), f32({6})}};
}

TEST(ShapeRules, Conv2d) {
  expect_shape(conv({}), {kBatch, 6, 7, 5});
  expect_shape(conv({.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1}), {kBatch, 6, 9, 7});
  expect_shape(conv({.stride_h = 2, .stride_w = 3, .pad_top = 1, .pad_left = 2}), {kBatch, 6, 4, 3});
  expect_shape(conv({.pad_bottom = 1, .pad_right = 4}), {kBatch, 6, 8, 9});
  expect_shape(conv({.dilation_h = 4, .dilation_w = 3}), {kBatch, 6, 1, 1});
  expect_shape(conv({.groups = 2}, {kTwoN, 4, 9, 7}, {6, 2, 1, 1}), {kTwoN, 6, 9, 7});
  expect_shape({OpKind::kConv2d, Conv2dAttrs{}, {f32({3, 4, 9, 7}), f32({6, 4, 9, 7})}}, {3, 6, 1, 1});
}

TEST(ShapeRules, Conv2dErrors) {
  expect_counted(conv({}), true);
  expect_f32_only(conv({}));
  expect_refused(conv({}, {kBatch, 4, 9}), {"conv2d", "operand 0", "rank 4"});
  expect_refused(conv({}, {kBatch, 4, 9, 7}, {6, 4, 3}), {"operand 1", "rank 4"});
  expect_refused(conv({}, {1, kBatch, 9, 7}), {"only the leading dimension may be N"});
  expect_refused(conv({}, {1, 4, 9, 7}, {kBatch, 4, 3, 3}), {"only the leading"});
  expect_refused(conv({}, {kBatch, 5, 9, 7}), {"does not fit the input's channels"});
  expect_refused(conv({.groups = 4}, {kBatch, 4, 9, 7}, {6, 1, 1, 1}), {"groups"});
  expect_refused(conv({.stride_h = 0}), {"must be positive"});
  expect_refused(conv({.dilation_w = 0}), {"must be positive"});
  expect_refused(conv({.groups = 0}), {"must be positive"});
  expect_refused(conv({.pad_left = -1}), {"not be negative"});
  expect_refused(conv({}, {kBatch, 4, 2, 7}), {"larger than the padded input"});
  expect_refused(conv({.dilation_w = 4}), {"larger than the padded input"});
  Op bias = conv({});
  bias.operands[2] = f32({4});
  expect_refused(bias, {"bias must be [6]"});
  bias.attrs = MatmulAttrs{};
  expect_refused(bias, {"another operation's"});
}

Op conv_transpose(ConvTranspose2dAttrs attrs, SymShape w = {4, 3, 2, 5}) {
  return {OpKind::kConvTranspose2d, attrs, {f32({kBatch, 4, 6, 5}), f32(std::move(w)), f32({3})}};
}

TEST(ShapeRules, ConvTranspose2d) {
  expect_shape(conv_transpose({}), {kBatch, 3, 7, 9});
  expect_shape(conv_transpose({.stride = 3, .pad = 1}), {kBatch, 3, 15, 15});
  Op grouped = conv_transpose({.groups = 2}, {4, 3, 1, 1});
  grouped.operands[2] = f32({6});
  expect_shape(grouped, {kBatch, 6, 6, 5});
}

TEST(ShapeRules, ConvTranspose2dErrors) {
  expect_counted(conv_transpose({}), true);
  expect_f32_only(conv_transpose({}));
  expect_refused(conv_transpose({}, {5, 3, 2, 2}), {"conv_transpose2d", "does not fit"});
  expect_refused(conv_transpose({.groups = 3}), {"does not fit"});
  expect_refused(conv_transpose({.stride = 0}), {"must be positive"});
  expect_refused(conv_transpose({.pad = -1}), {"pad not negative"});
  expect_refused(conv_transpose({.pad = 4}), {"leaves nothing"});
  expect_refused(conv_transpose({}, {4, 2, 2, 2}), {"bias must be [2]"});
}

Op linear(SymShape x, SymShape w = {6, 4}) {
  return {OpKind::kLinear, NoAttrs{}, {f32(std::move(x)), f32(std::move(w)), f32({6})}};
}

TEST(ShapeRules, Linear) {
  expect_shape(linear({kBatch, 4}), {kBatch, 6});
  expect_shape(linear({kTwoN, 77, 4}), {kTwoN, 77, 6});
  expect_shape(linear({1, 2, kBatch, 4}), {1, 2, kBatch, 6});
  expect_counted(linear({kBatch, 4}), true);
  expect_f32_only(linear({kBatch, 4}));
  expect_refused(linear({4}), {"linear", "rank 2 or more"});
  expect_refused(linear({kBatch, 5}), {"does not fit the input's last dimension"});
  expect_refused(linear({kBatch, 4}, {6, 4, 1}), {"operand 1", "rank 2"});
  expect_refused(linear({kBatch, 4}, {7, 4}), {"bias must be [7]"});
}

Op matmul(SymShape a, SymShape b, bool transposed = false) {
  return {OpKind::kMatmul, MatmulAttrs{transposed}, {f32(std::move(a)), f32(std::move(b))}};
}

TEST(ShapeRules, Matmul) {
  expect_shape(matmul({3, 4}, {4, 5}), {3, 5});
  expect_shape(matmul({3, 4}, {5, 4}, true), {3, 5});
  expect_shape(matmul({kBatch, 1, 3, 4}, {6, 4, 5}), {kBatch, 6, 3, 5});
  expect_shape(matmul({kBatch, 4}, {4, 5}), {kBatch, 5});
  expect_counted(matmul({3, 4}, {4, 5}));
  expect_f32_only(matmul({3, 4}, {4, 5}));
  expect_refused(matmul({3, 4}, {5, 4}), {"matmul", "inner dimensions differ"});
  expect_refused(matmul({3, kBatch}, {kBatch, 4}), {"inner dimensions"});
  expect_refused(matmul({4}, {4, 5}), {"rank 2 or more"});
  expect_refused(matmul({2, 3, 4}, {3, 4, 5}), {"do not broadcast"});
  expect_refused(matmul({kBatch, 3, 4}, {kTwoN, 4, 5}), {"[N]", "[2N]", "do not broadcast"});
  expect_refused(matmul({kBatch, 3}, {kBatch, 3}, true), {"more than one dimension"});
}

Op attention(SymShape q, SymShape k, SymShape v) {
  return {OpKind::kAttention, AttentionAttrs{}, {f32(std::move(q)), f32(std::move(k)), f32(std::move(v))}};
}

TEST(ShapeRules, Attention) {
  expect_shape(attention({kBatch, 8, 64, 40}, {kBatch, 8, 77, 40}, {1, 8, 77, 20}), {kBatch, 8, 64, 20});
  for (const auto& mask : {SymShape{7, 9}, SymShape{kBatch, 1, 7, 9}, SymShape{1, 2, 1, 9}, SymShape{}}) {
    Op masked = attention({kBatch, 2, 7, 4}, {1, 2, 9, 4}, {1, 2, 9, 4});
    masked.operands.push_back(f32(mask));
    expect_shape(masked, {kBatch, 2, 7, 4});
  }
}

TEST(ShapeRules, AttentionErrors) {
  const Op plain = attention({kBatch, 2, 7, 4}, {1, 2, 9, 4}, {1, 2, 9, 4});
  expect_f32_only(plain);
  Op masked = plain;
  masked.operands.push_back(f32({8, 9}));
  expect_refused(masked, {"attention", "mask must broadcast to the scores [N, 2, 7, 9]"});
  masked.operands.back() = f32({5, kBatch, 2, 7, 9});
  expect_refused(masked, {"mask"});
  masked.operands.push_back(f32({7, 9}));
  expect_refused(masked, {"takes 3 to 4 operands"});
  expect_refused(attention({kBatch, 7, 4}, {1, 2, 9, 4}, {1, 2, 9, 4}), {"operand 0", "rank 4"});
  expect_refused(attention({1, 2, 7, 4}, {kBatch, 2, 9, 4}, {1, 2, 9, 4}), {"the batch of q or 1"});
  expect_refused(attention({kBatch, 2, 7, 4}, {1, 3, 9, 4}, {1, 2, 9, 4}), {"number of heads"});
  expect_refused(attention({kBatch, 2, 7, 4}, {1, 2, 9, 5}, {1, 2, 9, 4}), {"head size"});
  expect_refused(attention({kBatch, 2, 7, 4}, {1, 2, 9, 4}, {1, 2, 8, 4}), {"number of tokens"});
  expect_refused(attention({1, kBatch, 7, 4}, {1, kBatch, 9, 4}, {1, kBatch, 9, 4}), {"only the leading"});
}

}  // namespace
}  // namespace comfystream::graph
