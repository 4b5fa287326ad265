// SPDX-License-Identifier: Apache-2.0
// Changes of shape and size, as cases that every backend is tested with.
#pragma once

#include "tests/support/op_cases.hpp"

namespace comfystream::tests {

using graph::Builder;
using graph::Dim;
using graph::kBatch;
using graph::SymShape;
using graph::Value;

inline std::vector<OpCase> shape_cases() {
  return {
      {"concat",
       [](Builder& b) {
         const Value x = pictures(b);
         b.output("channels", b.concat({x, b.constant(weight({1, 2, 7, 5})), x}, 1));
         b.output("batch", b.concat({x, b.mul(x, 2.0F), x}, 0));
       },
       0},
      {"slice",
       [](Builder& b) {
         const Value x = pictures(b);
         b.output("rows", b.slice(x, 2, 1, 6, 2));
         b.output("channel", b.slice(x, 1, 4, 5));
       },
       0},
      {"slice_batch",
       [](Builder& b) {
         const Value x = b.input("x", DType::kF32, SymShape{Dim(3, true), 2, 5});
         b.output("middle", b.slice_batch(x, 1, 2));
         b.output("tail", b.slice_batch(x, 1, 3));
       },
       0},
      {"reshape",
       [](Builder& b) {
         const Value x = b.input("x", DType::kF32, SymShape{Dim(2, true), 3, 4, 5});
         b.output("flat", b.reshape(x, SymShape{Dim(2, true), 60}));
         b.output("merged", b.reshape(x, SymShape{Dim(6, true), 4, 5}));
         b.output("split", b.reshape(x, SymShape{2, kBatch, 12, 5}));
       },
       0},
      {"reshape_static",
       [](Builder& b) {
         b.output("y", b.add(pictures(b), b.reshape(b.constant(weight({30})), SymShape{1, 6, 1, 5})));
       }},
      {"transpose",
       [](Builder& b) {
         const Value x = pictures(b);
         b.output("nhwc", b.transpose(x, {0, 2, 3, 1}));
         b.output("batch_inside", b.transpose(x, {1, 0, 3, 2}));
       },
       0},
      {"expand",
       [](Builder& b) {
         const Value x = b.input("x", DType::kF32, SymShape{kBatch, 1, 5});
         b.output("middle", b.expand(x, SymShape{kBatch, 4, 5}));
         b.output("batch", b.expand_batch(b.constant(weight({1, 3}))));
         b.output("twice", b.expand(b.constant(weight({1, 3})), SymShape{Dim(2, true), 3}));
       },
       0},
      {"pad",
       [](Builder& b) {
         const Value x = pictures(b);
         b.output("constant", b.pad(x, {graph::PadMode::kConstant, {0, 1, 2, 0}, {0, 0, 1, 3}, 0.5F}));
         b.output("reflect", b.pad(x, {graph::PadMode::kReflect, {0, 0, 2, 1}, {0, 0, 3, 1}}));
         b.output("replicate", b.pad(x, {graph::PadMode::kReplicate, {0, 0, 1, 2}, {0, 0, 2, 6}}));
       },
       0},
  };
}

inline std::vector<OpCase> resize_cases() {
  std::vector<OpCase> cases;
  using graph::ResizeMode;
  const std::vector<std::pair<std::int64_t, std::int64_t>> sizes{{14, 10}, {3, 11}, {7, 5}, {28, 20}, {1, 1}, {21, 2}};
  for (const ResizeMode mode :
       {ResizeMode::kNearest, ResizeMode::kNearestExact, ResizeMode::kBilinear, ResizeMode::kBicubic}) {
    for (const bool align : {false, true}) {
      const bool nearest = mode == ResizeMode::kNearest || mode == ResizeMode::kNearestExact;
      cases.push_back({"resize_" + std::string(to_string(mode)) + (align ? "_aligned" : ""),
                       [=](Builder& b) {
                         const Value x = pictures(b);
                         for (const auto& [height, width] : sizes) {
                           b.output(std::to_string(height), b.resize(x, {mode, height, width, align}));
                         }
                       },
                       nearest ? 0 : 1e-5});
    }
  }
  return cases;
}

}  // namespace comfystream::tests
