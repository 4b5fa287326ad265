// SPDX-License-Identifier: Apache-2.0
// How the shape rules are tested: what an operation makes of operand types, or the error it gives.
#pragma once

#include "comfystream/error.hpp"
#include "comfystream/graph/shape_rules.hpp"

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::graph {

inline ValueType f32(SymShape shape) { return {DType::kF32, std::move(shape)}; }
inline ValueType typed(DType dtype, SymShape shape) { return {dtype, std::move(shape)}; }

/// An operation on operands of these types.
struct Op {
  OpKind kind;
  Attrs attrs;
  std::vector<ValueType> operands;

  [[nodiscard]] ValueType type() const { return infer_type(kind, attrs, operands); }
};

/// The result is f32 of `shape`.
inline void expect_shape(const Op& op, const SymShape& shape) {
  try {
    const ValueType type = op.type();
    EXPECT_EQ(type.dtype, DType::kF32) << to_string(op.kind);
    EXPECT_EQ(type.shape.to_string(), shape.to_string()) << to_string(op.kind);
  } catch (const Error& error) {
    ADD_FAILURE() << error.what();
  }
}

/// An Error that names the operation and every operand, and says each of `parts`.
inline void expect_refused(const Op& op, std::initializer_list<const char*> parts) {
  try {
    ADD_FAILURE() << to_string(op.kind) << " gave " << op.type().shape.to_string() << " instead of an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    for (const char* part : parts) EXPECT_THAT(error.what(), testing::HasSubstr(part));
    for (const auto& operand : op.operands) {
      EXPECT_THAT(error.what(),
                  testing::HasSubstr(std::string(to_string(operand.dtype)) + " " + operand.shape.to_string()));
    }
  }
}

/// Every operand in turn as f16, which arithmetic does not take.
inline void expect_f32_only(const Op& op) {
  for (std::size_t i = 0; i < op.operands.size(); ++i) {
    Op half = op;
    half.operands[i].dtype = DType::kF16;
    expect_refused(half, {"must be f32", "cast"});
  }
}

/// One operand less, or one more, than the operation takes.
inline void expect_counted(const Op& op, bool last_is_optional = false) {
  Op other = op;
  other.operands.push_back(other.operands.back());
  expect_refused(other, {"takes ", " operands"});
  other.operands.resize(op.operands.size() - (last_is_optional ? 2 : 1));
  expect_refused(other, {"takes ", " operands"});
}

}  // namespace comfystream::graph
