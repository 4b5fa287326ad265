// SPDX-License-Identifier: Apache-2.0
// Elementwise operations and casts, as cases that every backend is tested with.
#pragma once

#include "tests/support/op_cases.hpp"

namespace comfystream::tests {

using graph::Builder;
using graph::Dim;
using graph::kBatch;
using graph::SymShape;
using graph::Value;

inline std::vector<OpCase> elementwise_cases() {
  std::vector<OpCase> cases;
  using graph::UnaryKind;
  for (const UnaryKind kind : {UnaryKind::kSilu, UnaryKind::kGelu, UnaryKind::kGeluTanh, UnaryKind::kQuickGelu,
                               UnaryKind::kRelu, UnaryKind::kTanh, UnaryKind::kSigmoid, UnaryKind::kFloor,
                               UnaryKind::kRound, UnaryKind::kExp, UnaryKind::kNeg, UnaryKind::kAbs}) {
    cases.push_back(
        {"unary_" + std::string(to_string(kind)), [=](Builder& b) { b.output("y", b.unary(kind, pictures(b))); }});
  }
  for (const UnaryKind kind : {UnaryKind::kLog, UnaryKind::kSqrt}) {
    cases.push_back({"unary_" + std::string(to_string(kind)), [=](Builder& b) {
                       b.output("y", b.unary(kind, b.add(b.unary(UnaryKind::kAbs, pictures(b)), 0.1F)));
                     }});
  }
  using graph::BinaryKind;
  for (const BinaryKind kind :
       {BinaryKind::kAdd, BinaryKind::kSub, BinaryKind::kMul, BinaryKind::kDiv, BinaryKind::kMin, BinaryKind::kMax}) {
    cases.push_back({"binary_" + std::string(to_string(kind)), [=](Builder& b) {
                       const Value x = pictures(b);
                       b.output("same", b.binary(kind, x, b.input("z", DType::kF32, SymShape{kBatch, 6, 7, 5})));
                       b.output("channel", b.binary(kind, x, b.constant(weight({1, 6, 1, 1}))));
                       b.output("scalar", b.binary(kind, b.scalar(0.7F), x));
                     }});
  }
  cases.push_back({"binary_pow", [](Builder& b) {
                     b.output("y", b.binary(BinaryKind::kPow, b.unary(UnaryKind::kAbs, pictures(b)), b.scalar(1.7F)));
                   }});
  cases.push_back({"clamp", [](Builder& b) { b.output("y", b.clamp(pictures(b), -0.5F, 1.25F)); }, 0});
  using graph::CompareKind;
  for (const CompareKind kind : {CompareKind::kLess, CompareKind::kLessEqual, CompareKind::kGreater,
                                 CompareKind::kGreaterEqual, CompareKind::kEqual}) {
    cases.push_back({"compare_" + std::string(to_string(kind)),
                     [=](Builder& b) {
                       const Value x = b.floor(pictures(b));
                       const Value is = b.compare(kind, x, b.scalar(1.0F));
                       b.output("is", is);
                       b.output("selected", b.select(is, x, b.mul(x, -2.0F)));
                       b.output("one", b.cast(is, DType::kF32));
                     },
                     0});
  }
  return cases;
}

inline std::vector<OpCase> cast_cases() {
  std::vector<OpCase> cases;
  for (const DType to : {DType::kF16, DType::kBF16, DType::kU8, DType::kI32, DType::kI64, DType::kBool}) {
    // The plugin rounds halves of bfloat16 its own way: one unit in the last place.
    cases.push_back({"cast_f32_" + std::string(to_string(to)),
                     [=](Builder& b) {
                       const Value x = b.mul(pictures(b), 120.0F);
                       b.output("y", b.cast(x, to));
                       b.output("plain", b.cast(b.input("z", DType::kF32, SymShape{kBatch, 5}), to));
                     },
                     to == DType::kBF16 ? 1.0 / 128 : 0});
  }
  for (const DType from : {DType::kU8, DType::kI32, DType::kI64}) {
    cases.push_back({"cast_" + std::string(to_string(from)) + "_f32",
                     [=](Builder& b) {
                       const Value x = b.input("x", from, SymShape{kBatch, 5, 3});
                       b.output("y", b.cast(x, DType::kF32));
                       b.output("scaled", b.mul(b.cast(x, DType::kF32), 1.0F / 255.0F));
                     },
                     0});
  }
  cases.push_back({"picture_bytes",
                   [](Builder& b) {
                     const Value x = b.input("x", DType::kU8, SymShape{kBatch, 5, 3, 3});
                     const Value y = b.transpose(b.mul(b.cast(x, DType::kF32), 1.0F / 255.0F), {0, 3, 1, 2});
                     const Value back = b.clamp(b.mul(y, 255.0F), 0.0F, 255.0F);
                     b.output("y", b.transpose(b.cast(b.add(back, 0.5F), DType::kU8), {0, 2, 3, 1}));
                   },
                   0});
  return cases;
}

}  // namespace comfystream::tests
