// SPDX-License-Identifier: Apache-2.0
// Tables and loops, as cases that every backend is tested with.
#pragma once

#include "tests/support/op_cases.hpp"

namespace comfystream::tests {

using graph::Builder;
using graph::Dim;
using graph::kBatch;
using graph::SymShape;
using graph::Value;

inline std::vector<OpCase> table_cases() {
  return {
      {"embedding",
       [](Builder& b) {
         b.output("i32", b.embedding(b.input("i", DType::kI32, SymShape{kBatch, 7}), b.weight(weight({5, 3}))));
         b.output("i64", b.embedding(b.input("l", DType::kI64, SymShape{kBatch, 2}),
                                     b.weight(weight({5, 3}).cast(DType::kF16))));
       },
       0},
      {"timestep_embedding",
       [](Builder& b) {
         const Value t = b.mul(b.input("t", DType::kF32, SymShape{kBatch}), 333.0F);
         b.output("even", b.timestep_embedding(t, {.dim = 32}));
         b.output("odd", b.timestep_embedding(t, {.dim = 9, .flip_sin_to_cos = false, .downscale_freq_shift = 1.0F}));
         b.output("fixed", b.timestep_embedding(b.constant(Tensor::from<float>({2}, {999.0F, 1.0F})), {.dim = 320}));
       }},
      {"loop",
       [](Builder& b) {
         Builder body;
         const Value gain = body.input("gain", DType::kF32, SymShape{});
         const Value noise = body.input("noise", DType::kF32, SymShape{1, 2, 4, 3});
         const Value x = body.input("x", DType::kF32, SymShape{kBatch, 2, 4, 3});
         const Value old = body.input("old", DType::kF32, SymShape{kBatch, 2, 4, 3});
         const Value kernel = body.input("kernel", DType::kF32, SymShape{2, 2, 1, 1});
         const Value now = body.add(body.add(body.conv2d(x, kernel, std::nullopt, {}), body.mul(old, gain)), noise);
         body.output("x", now);
         body.output("old", body.reshape(body.reshape(x, SymShape{kBatch, 24}), SymShape{kBatch, 2, 4, 3}));
         const Value start = b.input("start", DType::kF32, SymShape{kBatch, 2, 4, 3});
         const std::vector<Value> operands{b.parameter("gains", SymShape{5}, weight({5})),
                                           b.constant(weight({5, 1, 2, 4, 3})), start, b.mul(start, 0.5F),
                                           b.weight(weight({2, 2, 1, 1}))};
         b.output("y", b.loop({std::make_shared<const graph::Graph>(body.take()), 5, 2, 2}, operands));
       }},
      {"loop_that_swaps",
       [](Builder& b) {
         Builder body;
         const Value x = body.input("x", DType::kF32, SymShape{kBatch, 3});
         const Value y = body.input("y", DType::kF32, SymShape{kBatch, 3});
         body.output("x", y);
         body.output("y", body.add(x, y));
         const Value start = b.input("start", DType::kF32, SymShape{kBatch, 3});
         const std::vector<Value> operands{start, b.mul(start, 0.5F)};
         b.output("y", b.loop({std::make_shared<const graph::Graph>(body.take()), 4, 0, 2}, operands));
       }},
      {"loop_whose_batch_is_seen_only_inside",
       [](Builder& b) {
         Builder body;
         const Value x = body.input("x", DType::kF32, SymShape{1, 3});
         body.output("x", body.reduce(graph::ReduceKind::kMean, body.mul(body.expand(x, SymShape{4, 3}), 2.0F), {0}));
         const std::vector<Value> operands{b.constant(weight({1, 3}))};
         const Value last = b.loop({std::make_shared<const graph::Graph>(body.take()), 3, 0, 1}, operands);
         b.output("y", b.add(b.input("z", DType::kF32, SymShape{kBatch, 3}), last));
       }},
  };
}

}  // namespace comfystream::tests
