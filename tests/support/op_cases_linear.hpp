// SPDX-License-Identifier: Apache-2.0
// Convolutions, products, attention, norms and reductions, as cases that every backend is tested with.
#pragma once

#include "tests/support/op_cases.hpp"

namespace comfystream::tests {

using graph::Builder;
using graph::Dim;
using graph::kBatch;
using graph::SymShape;
using graph::Value;

inline std::vector<OpCase> linear_cases() {
  return {
      {"conv2d",
       [](Builder& b) {
         b.output("y", b.conv2d(pictures(b), b.weight(weight({4, 6, 3, 3})), b.weight(weight({4})),
                                {.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1}));
       }},
      {"conv2d_strided_uneven_pad",
       [](Builder& b) {
         b.output("y", b.conv2d(pictures(b), b.weight(weight({4, 6, 3, 3})), std::nullopt,
                                {.stride_h = 2, .stride_w = 2, .pad_bottom = 1, .pad_right = 1}));
       }},
      {"conv2d_groups_dilated_f16",
       [](Builder& b) {
         b.output("y",
                  b.conv2d(pictures(b), b.weight(weight({4, 3, 3, 3}).cast(DType::kF16)),
                           b.weight(weight({4}).cast(DType::kF16)), {.dilation_h = 2, .dilation_w = 2, .groups = 2}));
       }},
      {"conv2d_patches",
       [](Builder& b) {
         b.output("y", b.conv2d(pictures(b, 3, 28, 14), b.weight(weight({8, 3, 14, 14})), b.weight(weight({8})),
                                {.stride_h = 14, .stride_w = 14}));
       }},
      // A picture that all frames share, as fixed noise is.
      {"conv2d_plus_one_picture",
       [](Builder& b) {
         const Value y = b.conv2d(pictures(b), b.weight(weight({4, 6, 1, 1})), b.weight(weight({4})), {});
         const Value one = b.parameter("one", SymShape{1, 4, 7, 5}, weight({1, 4, 7, 5}, 51));
         b.output("y", b.conv2d(b.add(one, b.mul(y, 0.5F)), b.weight(weight({3, 4, 1, 1})), std::nullopt, {}));
       }},
      {"conv_transpose2d",
       [](Builder& b) {
         b.output("y", b.conv_transpose2d(pictures(b), b.weight(weight({6, 4, 4, 4})), b.weight(weight({4})),
                                          {.stride = 4}));
       }},
      {"conv_transpose2d_pad_groups",
       [](Builder& b) {
         b.output("y", b.conv_transpose2d(pictures(b), b.weight(weight({6, 2, 3, 3})), std::nullopt,
                                          {.stride = 2, .pad = 1, .groups = 2}));
       }},
      {"linear_rank3",
       [](Builder& b) {
         const Value x = b.input("x", DType::kF32, SymShape{kBatch, 7, 5});
         b.output("y", b.linear(x, b.weight(weight({9, 5}).cast(DType::kBF16)), b.weight(weight({9}))));
       }},
      {"linear_rank2",
       [](Builder& b) {
         const Value x = b.input("x", DType::kF32, SymShape{kBatch, 5});
         b.output("y", b.linear(x, b.weight(weight({9, 5}))));
       }},
      {"matmul",
       [](Builder& b) {
         const Value x = b.input("x", DType::kF32, SymShape{kBatch, 7, 5});
         const Value z = b.input("z", DType::kF32, SymShape{kBatch, 5, 3});
         const Value t = b.input("t", DType::kF32, SymShape{kBatch, 4, 5});
         b.output("y", b.matmul(x, z));
         b.output("yt", b.matmul(x, t, true));
       }},
  };
}

inline std::vector<OpCase> attention_cases() {
  const auto heads = [](Builder& b, const char* name, std::int64_t tokens, std::int64_t size) {
    return b.input(name, DType::kF32, SymShape{kBatch, 2, tokens, size});
  };
  return {
      {"attention",
       [=](Builder& b) {
         b.output("y", b.attention(heads(b, "q", 7, 8), heads(b, "k", 5, 8), heads(b, "v", 5, 6), 0.3F));
       }},
      {"attention_causal",
       [=](Builder& b) {
         b.output("y", b.attention(heads(b, "q", 7, 8), heads(b, "k", 7, 8), heads(b, "v", 7, 8), 0.3F, true));
       }},
      {"attention_masked",
       [=](Builder& b) {
         b.output("y", b.attention(heads(b, "q", 7, 8), heads(b, "k", 5, 8), heads(b, "v", 5, 8), 0.3F, false,
                                   b.constant(weight({7, 5}))));
       }},
      {"attention_causal_masked",
       [=](Builder& b) {
         b.output("y", b.attention(heads(b, "q", 6, 8), heads(b, "k", 6, 8), heads(b, "v", 6, 8), 0.3F, true,
                                   b.constant(weight({1, 1, 6, 6}))));
       }},
      {"attention_static_keys",
       [=](Builder& b) {
         b.output("y", b.attention(heads(b, "q", 9, 8), b.constant(weight({1, 2, 77, 8})),
                                   b.constant(weight({1, 2, 77, 8}, 51)), 0.3F));
       }},
  };
}

inline std::vector<OpCase> norm_cases() {
  return {
      {"group_norm",
       [](Builder& b) {
         b.output("y", b.group_norm(pictures(b), b.weight(weight({6})), b.weight(weight({6}, 51)),
                                    {.groups = 3, .epsilon = 1e-6F}));
       }},
      {"group_norm_f16",
       [](Builder& b) {
         b.output("y", b.group_norm(pictures(b), b.weight(weight({6}).cast(DType::kF16)),
                                    b.weight(weight({6}, 51).cast(DType::kF16)), {.groups = 2}));
       }},
      {"layer_norm",
       [](Builder& b) {
         const Value x = b.input("x", DType::kF32, SymShape{kBatch, 7, 12});
         b.output("y", b.layer_norm(x, b.weight(weight({12})), b.weight(weight({12}, 51))));
       }},
      {"softmax",
       [](Builder& b) {
         const Value x = pictures(b);
         b.output("last", b.softmax(x, 3));
         b.output("channels", b.softmax(x, 1));
       }},
      {"reduce",
       [](Builder& b) {
         const Value x = pictures(b);
         b.output("min", b.reduce(graph::ReduceKind::kMin, x, {1, 2, 3}));
         b.output("max", b.reduce(graph::ReduceKind::kMax, x, {2}));
         b.output("mean", b.reduce(graph::ReduceKind::kMean, x, {2, 3}));
         b.output("sum", b.reduce(graph::ReduceKind::kSum, x, {1}));
       }},
  };
}

}  // namespace comfystream::tests
