// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/golden_ops_test.hpp"

namespace comfystream::backend::reference {
namespace {

using graph::Builder;

const std::vector<GoldenCase> kCases{
    {"conv2d",
     [](Builder& b, GoldenInputs& in) { return b.conv2d(in.frames("x"), in.weight("w_conv"), in.weight("b_6"), {}); }},
    {"conv2d_stride_pad",
     [](Builder& b, GoldenInputs& in) {
       return b.conv2d(in.frames("x"), in.parameter("w_conv"), std::nullopt,
                       {.stride_h = 2, .pad_top = 1, .pad_left = 2, .pad_bottom = 0, .pad_right = 1});
     }},
    {"conv2d_groups_dilation",
     [](Builder& b, GoldenInputs& in) {
       return b.conv2d(in.frames("x"), in.weight("w_conv_groups"), in.weight("b_6"),
                       {.pad_left = 1, .pad_right = 2, .dilation_h = 3, .dilation_w = 2, .groups = 2});
     }},
    {"conv2d_depthwise",
     [](Builder& b, GoldenInputs& in) {
       return b.conv2d(in.frames("x"), in.weight("w_conv_depth"), in.weight("b_8"),
                       {.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1, .groups = 4});
     }},
    {"conv2d_wide",
     [](Builder& b, GoldenInputs& in) {
       return b.conv2d(in.frames("wide"), in.weight("w_conv_wide"), std::nullopt,
                       {.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1});
     }},
    {"conv2d_wide_dilation",
     [](Builder& b, GoldenInputs& in) {
       return b.conv2d(in.frames("wide"), in.weight("w_conv_wide"), std::nullopt,
                       {.pad_top = 1, .pad_right = 3, .dilation_w = 2});
     }},
    {"conv2d_1x1",
     [](Builder& b, GoldenInputs& in) {
       return b.conv2d(in.frames("x"), in.weight("w_conv_1x1"), in.weight("b_3"), {.stride_h = 2, .stride_w = 2});
     }},
    {"conv_transpose2d",
     [](Builder& b, GoldenInputs& in) {
       return b.conv_transpose2d(in.frames("x"), in.weight("w_up"), in.weight("b_3"), {});
     }},
    {"conv_transpose2d_stride",
     [](Builder& b, GoldenInputs& in) {
       return b.conv_transpose2d(in.frames("x"), in.parameter("w_up"), std::nullopt, {.stride = 3, .pad = 1});
     }},
    {"conv_transpose2d_groups",
     [](Builder& b, GoldenInputs& in) {
       return b.conv_transpose2d(in.frames("x"), in.weight("w_up_groups"), in.weight("b_4"),
                                 {.stride = 2, .pad = 1, .groups = 2});
     }},
    {"linear", [](Builder& b,
                  GoldenInputs& in) { return b.linear(in.frames("tokens"), in.weight("w_linear"), in.weight("b_6")); }},
    {"linear_wide",
     [](Builder& b, GoldenInputs& in) { return b.linear(in.frames("tokens"), in.weight("w_linear_wide")); }},
    {"linear_plain",
     [](Builder& b, GoldenInputs& in) { return b.linear(in.frames("flat"), in.parameter("w_linear")); }},
    {"matmul", [](Builder& b, GoldenInputs& in) { return b.matmul(in.frames("x"), in.weight("w_matmul")); }},
    {"matmul_transposed", [](Builder& b, GoldenInputs& in) { return b.matmul(in.frames("q"), in.frames("k"), true); }},
    {"attention",
     [](Builder& b, GoldenInputs& in) { return b.attention(in.frames("q"), in.frames("k"), in.frames("v"), 0.4F); }},
    {"attention_long",
     [](Builder& b, GoldenInputs& in) {
       return b.attention(in.frames("long_q"), in.frames("long_k"), in.frames("long_v"), 0.5F);
     }},
    {"attention_shared",
     [](Builder& b, GoldenInputs& in) {
       return b.attention(in.frames("q"), in.parameter("w_k"), in.parameter("w_v"), 0.4F);
     }},
    {"attention_causal",
     [](Builder& b, GoldenInputs& in) {
       return b.attention(in.frames("q"), in.frames("square_k"), in.frames("square_v"), 0.7F, true);
     }},
    {"attention_mask",
     [](Builder& b, GoldenInputs& in) {
       return b.attention(in.frames("q"), in.frames("k"), in.frames("v"), 0.4F, false, in.frames("mask"));
     }},
    {"attention_shared_mask",
     [](Builder& b, GoldenInputs& in) {
       return b.attention(in.frames("q"), in.parameter("w_k"), in.frames("v"), 1.0F, false, in.parameter("w_mask"));
     }},
};

INSTANTIATE_TEST_SUITE_P(Linear, GoldenOps, testing::ValuesIn(kCases), GoldenOps::name_of);

}  // namespace
}  // namespace comfystream::backend::reference
