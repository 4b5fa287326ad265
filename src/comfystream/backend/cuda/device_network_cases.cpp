// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/device_network_cases.hpp"

#include <algorithm>
#include <iterator>

namespace comfystream::backend::cuda {
namespace {

using graph::Builder;
using graph::kBatch;
using graph::SymShape;
using graph::Value;
using tests::OpCase;

Value maps(Builder& b, std::int64_t channels, std::int64_t side) {
  return b.input("x", DType::kF32, SymShape{kBatch, channels, side, side});
}
graph::Conv2dAttrs same(std::int64_t pad) {
  return {.pad_top = pad, .pad_left = pad, .pad_bottom = pad, .pad_right = pad};
}
Tensor small(const Shape& shape, std::uint32_t seed) { return tests::random_tensor(shape, seed, 0.1F); }

std::vector<OpCase> convolutions() {
  return {
      {"conv_3x3",
       [](Builder& b) {
         b.output("y",
                  b.conv2d(maps(b, 16, 20), b.weight(small({32, 16, 3, 3}, 3)), b.weight(small({32}, 4)), same(1)));
       }},
      {"conv_3x3_silu_conv",
       [](Builder& b) {
         const Value h =
             b.silu(b.conv2d(maps(b, 16, 20), b.weight(small({32, 16, 3, 3}, 3)), b.weight(small({32}, 4)), same(1)));
         b.output("y", b.conv2d(h, b.weight(small({3, 32, 3, 3}, 5)), b.weight(small({3}, 6)), same(1)));
       }},
      {"conv_relu_residual_relu",
       [](Builder& b) {
         const Value x =
             b.relu(b.conv2d(maps(b, 4, 20), b.weight(small({16, 4, 3, 3}, 3)), b.weight(small({16}, 4)), same(1)));
         Value h = b.relu(b.conv2d(x, b.weight(small({16, 16, 3, 3}, 5)), b.weight(small({16}, 6)), same(1)));
         h = b.relu(b.add(b.conv2d(h, b.weight(small({16, 16, 3, 3}, 7)), b.weight(small({16}, 8)), same(1)), x));
         b.output("y", b.conv2d(h, b.weight(small({8, 16, 1, 1}, 9)), std::nullopt, {}));
       }},
      {"conv_of_few_channels",
       [](Builder& b) {
         auto second = same(1);
         second.stride_h = second.stride_w = 2;
         Value h = maps(b, 3, 150);
         const auto conv = [&](std::int64_t to, const graph::Conv2dAttrs& attrs, std::uint32_t seed) {
           const std::int64_t from = b.shape(h)[1].count;
           h = b.conv2d(h, b.weight(small({to, from, 3, 3}, seed)), b.weight(small({to}, seed + 1)), attrs);
         };
         conv(16, same(1), 3);
         h = b.silu(h);
         conv(16, same(1), 5);
         h = b.relu(h);
         conv(32, second, 7);
         h = b.silu(h);
         conv(48, same(1), 9);
         b.output("y", b.conv2d(h, b.weight(small({16, 48, 1, 1}, 11)), std::nullopt, {}));
       }},
      {"conv_stride_2_of_rgb",
       [](Builder& b) {
         auto attrs = same(1);
         attrs.stride_h = attrs.stride_w = 2;
         b.output("y", b.conv2d(maps(b, 3, 64), b.weight(small({24, 3, 3, 3}, 3)), b.weight(small({24}, 4)), attrs));
       }},
      {"patch_embedding",
       [](Builder& b) {
         const Value map = b.conv2d(maps(b, 3, 56), b.weight(small({32, 3, 14, 14}, 3)), b.weight(small({32}, 4)),
                                    {.stride_h = 14, .stride_w = 14});
         const Value tokens = b.reshape(b.transpose(map, {0, 2, 3, 1}), SymShape{kBatch, 16, 32});
         const Value all = b.concat({b.weight(small({1, 1, 32}, 5)), tokens}, 1);
         b.output("y", b.layer_norm(b.add(all, b.weight(small({1, 17, 32}, 6))), b.weight(small({32}, 7)),
                                    b.weight(small({32}, 8))));
       }},
  };
}

std::vector<OpCase> moved_and_joined() {
  return {
      {"upsample_conv",
       [](Builder& b) {
         const Value h = b.conv2d(maps(b, 16, 10), b.weight(small({16, 16, 3, 3}, 3)), std::nullopt, same(1));
         const Value up = b.resize(h, {graph::ResizeMode::kNearest, 20, 20, false});
         b.output("y", b.conv2d(up, b.weight(small({16, 16, 3, 3}, 5)), b.weight(small({16}, 6)), same(1)));
       }},
      {"resize_of_pixelwise_conv_sum_and_relu",
       [](Builder& b) {
         const Value low = b.conv2d(maps(b, 16, 10), b.weight(small({16, 16, 3, 3}, 3)), std::nullopt, same(1));
         const Value up = b.resize(low, {graph::ResizeMode::kBilinear, 19, 20, true});
         const Value path = b.conv2d(up, b.weight(small({16, 16, 1, 1}, 4)), b.weight(small({16}, 5)), {});
         const Value x = b.conv2d(b.input("skip", DType::kF32, SymShape{kBatch, 16, 19, 20}),
                                  b.weight(small({16, 16, 3, 3}, 9)), std::nullopt, same(1));
         const Value unit = b.add(b.conv2d(x, b.weight(small({16, 16, 3, 3}, 6)), std::nullopt, same(1)), x);
         const Value sum = b.add(path, unit);
         const Value h = b.add(b.conv2d(b.relu(sum), b.weight(small({16, 16, 3, 3}, 7)), std::nullopt, same(1)), sum);
         b.output("y", b.conv2d(h, b.weight(small({16, 16, 3, 3}, 8)), std::nullopt, same(1)));
       }},
      {"join_made_in_place",
       [](Builder& b) {
         const Value x = b.conv2d(maps(b, 16, 10), b.weight(small({16, 16, 3, 3}, 3)), std::nullopt, same(1));
         const Value tokens = b.linear(b.reshape(b.transpose(x, {0, 2, 3, 1}), SymShape{kBatch, 100, 16}),
                                       b.weight(small({24, 16}, 4)), b.weight(small({24}, 5)));
         const Value before = b.conv2d(x, b.weight(small({24, 16, 1, 1}, 12)), std::nullopt, {});
         const Value first = b.add(b.transpose(b.reshape(tokens, SymShape{kBatch, 10, 10, 24}), {0, 3, 1, 2}), before);
         const Value second = b.add(b.conv2d(x, b.weight(small({16, 16, 1, 1}, 6)), b.weight(small({16}, 7)), {}), x);
         const Value low = b.conv2d(b.input("low", DType::kF32, SymShape{kBatch, 16, 5, 5}),
                                    b.weight(small({16, 16, 3, 3}, 8)), std::nullopt, same(1));
         const Value up = b.resize(low, {graph::ResizeMode::kNearest, 10, 10, false});
         const Value third = b.conv2d(up, b.weight(small({16, 16, 3, 3}, 9)), b.weight(small({16}, 10)), same(1));
         const Value joined = b.concat({first, second, third}, 1);
         b.output("y", b.conv2d(joined, b.weight(small({16, 56, 3, 3}, 11)), std::nullopt, same(1)));
       }},
      {"rows_of_a_norm",
       [](Builder& b) {
         const Value x = b.linear(b.input("x", DType::kF32, SymShape{kBatch, 17, 24}), b.weight(small({32, 24}, 3)));
         const Value norm = b.layer_norm(x, b.weight(small({32}, 4)), b.weight(small({32}, 5)));
         b.output("y", b.linear(b.slice(norm, 1, 1, 17), b.weight(small({16, 32}, 6))));
       }},
      {"tokens_behind_one_of_all_frames",
       [](Builder& b) {
         const Value x = b.linear(b.input("x", DType::kF32, SymShape{kBatch, 16, 24}), b.weight(small({32, 24}, 3)));
         const Value first = b.expand(b.weight(small({1, 1, 32}, 4)), SymShape{kBatch, 1, 32});
         const Value all = b.concat({first, x}, 1);
         b.output("y", b.linear(b.add(all, b.weight(small({1, 17, 32}, 5))), b.weight(small({16, 32}, 6))));
       }},
      {"skip_with_control",
       [](Builder& b) {
         const Value fixed = b.parameter("skip", SymShape{1, 16, 8, 8}, tests::random_tensor({1, 16, 8, 8}, 3));
         const Value x = b.conv2d(maps(b, 16, 8), b.weight(small({16, 16, 1, 1}, 4)), std::nullopt, {});
         const Value control = b.conv2d(x, b.weight(small({16, 16, 1, 1}, 5)), std::nullopt, {});
         const Value skip = b.conv2d(fixed, b.weight(small({16, 16, 3, 3}, 6)), std::nullopt, same(1));
         const Value joined = b.concat({x, b.add(skip, control)}, 1);
         b.output("y", b.conv2d(joined, b.weight(small({16, 32, 3, 3}, 7)), std::nullopt, same(1)));
       }},
  };
}

std::vector<OpCase> resized_convolutions() {
  return {
      {"conv_of_resized",
       [](Builder& b) {
         const Value x = b.conv2d(maps(b, 16, 21), b.weight(small({32, 16, 3, 3}, 3)), std::nullopt, same(1));
         const auto enlarged = [&](std::int64_t height, std::int64_t width, bool align_corners) {
           return b.resize(x, {graph::ResizeMode::kBilinear, height, width, align_corners});
         };
         const auto conv = [&](Value v, std::int64_t outputs, std::uint32_t seed) {
           return b.conv2d(v, b.weight(small({outputs, 32, 3, 3}, seed)), b.weight(small({outputs}, seed + 1)),
                           same(1));
         };
         const auto give = [&](const std::string& name, Value v, std::int64_t channels) {
           b.output(name, b.conv2d(v, b.weight(small({8, channels, 1, 1}, 5)), std::nullopt, {}));
         };
         give("twice", conv(enlarged(42, 42, true), 128, 6), 128);
         const Value before = b.conv2d(x, b.weight(small({32, 32, 1, 1}, 20)), b.weight(small({32}, 21)), {});
         give("pixelwise_before", conv(b.resize(before, {graph::ResizeMode::kBilinear, 33, 42, true}), 32, 22), 32);
         give("tall_and_positive", b.relu(conv(enlarged(135, 37, false), 16, 8)), 16);
         give("eight", conv(enlarged(31, 300, true), 8, 10), 8);
         give("little_wider", conv(enlarged(35, 27, false), 64, 14), 64);
         give("no_bias", b.conv2d(enlarged(40, 30, false), b.weight(small({32, 32, 3, 3}, 12)), std::nullopt, same(1)),
              32);
       }},
      {"conv_of_resized_with_head",
       [](Builder& b) {
         const Value x = b.conv2d(maps(b, 16, 21), b.weight(small({32, 16, 3, 3}, 3)), std::nullopt, same(1));
         const auto head = [&](std::int64_t height, std::int64_t width, bool relu, std::uint32_t seed) {
           const Value up = b.resize(x, {graph::ResizeMode::kBilinear, height, width, true});
           const Value h =
               b.relu(b.conv2d(up, b.weight(small({32, 32, 3, 3}, seed)), b.weight(small({32}, seed + 1)), same(1)));
           const Value y = b.conv2d(h, b.weight(small({1, 32, 1, 1}, seed + 2)), b.weight(small({1}, seed + 3)), {});
           return relu ? b.relu(y) : y;
         };
         b.output("depth", head(37, 75, true, 10));
         b.output("signed", head(129, 41, false, 20));
         const Value narrow = head(42, 42, false, 30);
         b.output("read_by_network", b.conv2d(narrow, b.weight(small({8, 1, 3, 3}, 6)), std::nullopt, same(1)));
       }},
  };
}

std::vector<OpCase> strip_convolutions() {
  return {
      {"conv_64_to_64",
       [](Builder& b) {
         const auto input = [&](const std::string& name, std::int64_t height, std::int64_t width) {
           const Value x = b.input(name, DType::kF32, SymShape{kBatch, 8, height, width});
           return b.conv2d(x, b.weight(small({64, 8, 1, 1}, 3)), std::nullopt, {});
         };
         const auto conv = [&](Value x, std::uint32_t seed) {
           return b.conv2d(x, b.weight(small({64, 64, 3, 3}, seed)), b.weight(small({64}, seed + 1)), same(1));
         };
         const auto give = [&](const std::string& name, Value v) {
           b.output(name, b.conv2d(v, b.weight(small({8, 64, 1, 1}, 5)), std::nullopt, {}));
         };
         const Value x = input("x", 13, 150);
         give("residual_relu", b.relu(b.add(conv(b.relu(conv(x, 6)), 8), x)));
         give("narrower_than_a_strip", conv(input("low", 40, 9), 10));
         give("no_bias", b.conv2d(input("one", 1, 129), b.weight(small({64, 64, 3, 3}, 12)), std::nullopt, same(1)));
       }},
      {"upsample_conv_64_to_64",
       [](Builder& b) {
         const auto enlarged = [&](const std::string& name, std::int64_t height, std::int64_t width) {
           const Value x = b.input(name, DType::kF32, SymShape{kBatch, 8, height, width});
           const Value h = b.conv2d(x, b.weight(small({64, 8, 1, 1}, 3)), std::nullopt, {});
           return b.resize(h, {graph::ResizeMode::kNearest, 2 * height, 2 * width, false});
         };
         const auto give = [&](const std::string& name, Value v) {
           b.output(name, b.conv2d(v, b.weight(small({8, 64, 1, 1}, 5)), std::nullopt, {}));
         };
         give("wide", b.conv2d(enlarged("x", 7, 75), b.weight(small({64, 64, 3, 3}, 6)), std::nullopt, same(1)));
         give("high",
              b.conv2d(enlarged("z", 30, 5), b.weight(small({64, 64, 3, 3}, 7)), b.weight(small({64}, 8)), same(1)));
       }},
      {"conv_to_picture",
       [](Builder& b) {
         const auto picture = [&](std::int64_t channels, std::int64_t outputs, std::int64_t height,
                                  std::int64_t width) {
           const Value x = b.input("x" + std::to_string(channels), DType::kF32, SymShape{kBatch, 8, height, width});
           const Value h = b.conv2d(x, b.weight(small({channels, 8, 1, 1}, 3)), std::nullopt, {});
           return b.conv2d(h, b.weight(small({outputs, channels, 3, 3}, 4)), b.weight(small({outputs}, 5)), same(1));
         };
         b.output("rgb", picture(64, 3, 67, 71));
         b.output("two", b.clamp(picture(128, 2, 64, 64), 0.0F, 1.0F));
       }},
  };
}

std::vector<OpCase> norms_and_tiles() {
  return {
      {"conv_transpose_tiles",
       [](Builder& b) {
         const Value h = b.conv2d(maps(b, 16, 6), b.weight(small({16, 16, 1, 1}, 3)), std::nullopt, {});
         const Value up =
             b.conv_transpose2d(h, b.weight(small({16, 8, 4, 4}, 5)), b.weight(small({8}, 6)), {.stride = 4});
         b.output("y", b.conv2d(up, b.weight(small({8, 8, 3, 3}, 7)), std::nullopt, same(1)));
       }},
      {"resnet_block",
       [](Builder& b) {
         const Value x = b.conv2d(maps(b, 4, 16), b.weight(small({64, 4, 3, 3}, 3)), b.weight(small({64}, 4)), same(1));
         Value h = b.silu(b.group_norm(x, b.weight(small({64}, 5)), b.weight(small({64}, 6)), {.groups = 32}));
         h = b.conv2d(h, b.weight(small({96, 64, 3, 3}, 7)), b.weight(small({96}, 8)), same(1));
         const Value t = b.linear(b.input("t", DType::kF32, SymShape{kBatch, 40}), b.weight(small({96, 40}, 9)),
                                  b.weight(small({96}, 10)));
         h = b.add(h, b.reshape(t, SymShape{kBatch, 96, 1, 1}));
         h = b.silu(b.group_norm(h, b.weight(small({96}, 11)), b.weight(small({96}, 12)), {.groups = 32}));
         h = b.conv2d(h, b.weight(small({96, 96, 3, 3}, 13)), b.weight(small({96}, 14)), same(1));
         const Value skip = b.conv2d(x, b.weight(small({96, 64, 1, 1}, 15)), b.weight(small({96}, 16)), {});
         b.output("y", b.add(skip, h));
       }},
      {"group_norm_sizes",
       [](Builder& b) {
         for (const std::int64_t channels : {320, 640, 960, 1280, 2560}) {
           const std::string name = "x" + std::to_string(channels);
           const Value x = b.conv2d(b.input(name, DType::kF32, SymShape{kBatch, 8, 24, 24}),
                                    b.weight(small({channels, 8, 1, 1}, 3)),
                                    b.weight(tests::random_tensor({channels}, 4, 3.0F)), {});
           const Value h =
               b.group_norm(x, b.weight(small({channels}, 5)), b.weight(small({channels}, 6)), {.groups = 32});
           b.output("y" + std::to_string(channels),
                    b.conv2d(h, b.weight(small({8, channels, 1, 1}, 7)), std::nullopt, {}));
         }
       }},
      {"depth_range",
       [](Builder& b) {
         const Value x = maps(b, 1, 98);
         const Value low = b.reduce(graph::ReduceKind::kMin, x, {2, 3});
         const Value range = b.sub(b.reduce(graph::ReduceKind::kMax, x, {2, 3}), low);
         b.output("bytes", b.floor(b.mul(b.div(b.sub(x, low), range), 255.0F)));
       },
       0},
  };
}

std::vector<OpCase> blocks() {
  return {
      {"transformer_block",
       [](Builder& b) {
         const std::int64_t width = 80;
         const auto matrix = [&b, seed = 20U](std::int64_t out, std::int64_t in) mutable {
           return b.weight(small({out, in}, seed++));
         };
         const auto heads = [&b](Value v, std::int64_t tokens) {
           return b.transpose(b.reshape(v, SymShape{b.shape(v)[0], tokens, 2, 40}), {0, 2, 1, 3});
         };
         auto make = matrix;
         const Value map = b.conv2d(maps(b, 4, 12), b.weight(small({width, 4, 3, 3}, 3)), std::nullopt, same(1));
         Value x = b.reshape(b.transpose(map, {0, 2, 3, 1}), SymShape{kBatch, 144, width});
         x = b.linear(x, make(width, width), b.weight(small({width}, 4)));
         const Value normed = b.layer_norm(x, b.weight(small({width}, 5)), b.weight(small({width}, 6)));
         Value a = b.attention(heads(b.linear(normed, make(width, width)), 144),
                               heads(b.linear(normed, make(width, width)), 144),
                               heads(b.linear(normed, make(width, width)), 144), 0.158F);
         a = b.reshape(b.transpose(a, {0, 2, 1, 3}), SymShape{kBatch, 144, width});
         x = b.add(b.linear(a, make(width, width), b.weight(small({width}, 7))), x);
         const Value context = b.parameter("context", SymShape{1, 77, 48}, tests::random_tensor({1, 77, 48}, 8));
         const Value again = b.layer_norm(x, b.weight(small({width}, 9)), b.weight(small({width}, 10)));
         a = b.attention(heads(b.linear(again, make(width, width)), 144), heads(b.linear(context, make(width, 48)), 77),
                         heads(b.linear(context, make(width, 48)), 77), 0.158F);
         a = b.reshape(b.transpose(a, {0, 2, 1, 3}), SymShape{kBatch, 144, width});
         x = b.add(b.linear(a, make(width, width), b.weight(small({width}, 11))), x);
         const Value both = b.linear(x, make(4 * width, width), b.weight(small({4 * width}, 12)));
         const Value gated = b.mul(b.slice(both, 2, 0, 2 * width), b.gelu(b.slice(both, 2, 2 * width, 4 * width)));
         x = b.add(b.linear(gated, make(width, 2 * width), b.weight(small({width}, 13))), x);
         x = b.linear(x, make(width, width), b.weight(small({width}, 14)));
         x = b.transpose(b.reshape(x, SymShape{kBatch, 12, 12, width}), {0, 3, 1, 2});
         b.output("y", b.add(x, map));
       }},
      {"vision_block",
       [](Builder& b) {
         const Value x = b.input("x", DType::kF32, SymShape{kBatch, 33, 64});
         const Value normed = b.layer_norm(x, b.weight(small({64}, 5)), b.weight(small({64}, 6)));
         const Value qkv = b.linear(normed, b.weight(small({192, 64}, 7)), b.weight(small({192}, 8)));
         const auto heads = [&](std::int64_t part) {
           return b.transpose(b.reshape(b.slice(qkv, 2, 64 * part, 64 * (part + 1)), SymShape{kBatch, 33, 1, 64}),
                              {0, 2, 1, 3});
         };
         Value a = b.attention(heads(0), heads(1), heads(2), 0.125F);
         a = b.reshape(b.transpose(a, {0, 2, 1, 3}), SymShape{kBatch, 33, 64});
         a = b.mul(b.linear(a, b.weight(small({64, 64}, 9)), b.weight(small({64}, 10))),
                   b.weight(tests::random_tensor({64}, 11)));
         const Value y = b.add(x, a);
         const Value hidden = b.gelu(b.linear(y, b.weight(small({256, 64}, 12)), b.weight(small({256}, 13))));
         b.output("y", b.add(y, b.mul(b.linear(hidden, b.weight(small({64, 256}, 14)), b.weight(small({64}, 15))),
                                      b.weight(tests::random_tensor({64}, 16)))));
       }},
  };
}

std::vector<OpCase> products() {
  return {
      {"gated_product",
       [](Builder& b) {
         const Value x = b.input("x", DType::kF32, SymShape{kBatch, 150, 320});
         const Value both = b.linear(x, b.weight(small({512, 320}, 3)), b.weight(small({512}, 4)));
         const Value gated = b.mul(b.slice(both, 2, 0, 256), b.gelu(b.slice(both, 2, 256, 512)));
         b.output("y", b.linear(gated, b.weight(small({32, 256}, 5))));
       }},
      {"narrow_products",
       [](Builder& b) {
         const Value x = b.input("x", DType::kF32, SymShape{kBatch, 150, 64});
         const Value wide = b.linear(x, b.weight(small({320, 64}, 3)));
         const Value first = b.linear(wide, b.weight(small({320, 320}, 4)), b.weight(small({320}, 5)));
         const Value second = b.add(b.linear(first, b.weight(small({320, 320}, 6)), b.weight(small({320}, 7))), wide);
         const Value wider = b.linear(second, b.weight(small({640, 320}, 8)));
         const Value third = b.add(b.linear(wider, b.weight(small({640, 640}, 9)), b.weight(small({640}, 10))), wider);
         b.output("y", b.linear(third, b.weight(small({32, 640}, 11))));
       }},
  };
}

}  // namespace

std::vector<OpCase> network_cases() {
  std::vector<OpCase> all;
  for (auto cases : {convolutions(), moved_and_joined(), resized_convolutions(), strip_convolutions(),
                     norms_and_tiles(), blocks(), products()}) {
    std::ranges::move(cases, std::back_inserter(all));
  }
  return all;
}

}  // namespace comfystream::backend::cuda
