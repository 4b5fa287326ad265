// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/op.hpp"

namespace comfystream::graph {

std::string_view to_string(OpKind kind) noexcept {
  switch (kind) {
    case OpKind::kInput:
      return "input";
    case OpKind::kParameter:
      return "parameter";
    case OpKind::kConstant:
      return "constant";
    case OpKind::kConv2d:
      return "conv2d";
    case OpKind::kConvTranspose2d:
      return "conv_transpose2d";
    case OpKind::kLinear:
      return "linear";
    case OpKind::kMatmul:
      return "matmul";
    case OpKind::kAttention:
      return "attention";
    case OpKind::kGroupNorm:
      return "group_norm";
    case OpKind::kLayerNorm:
      return "layer_norm";
    case OpKind::kUnary:
      return "unary";
    case OpKind::kBinary:
      return "binary";
    case OpKind::kClamp:
      return "clamp";
    case OpKind::kCompare:
      return "compare";
    case OpKind::kSelect:
      return "select";
    case OpKind::kConcat:
      return "concat";
    case OpKind::kSlice:
      return "slice";
    case OpKind::kReshape:
      return "reshape";
    case OpKind::kTranspose:
      return "transpose";
    case OpKind::kExpand:
      return "expand";
    case OpKind::kResize:
      return "resize";
    case OpKind::kPad:
      return "pad";
    case OpKind::kEmbedding:
      return "embedding";
    case OpKind::kReduce:
      return "reduce";
    case OpKind::kSoftmax:
      return "softmax";
    case OpKind::kCast:
      return "cast";
    case OpKind::kTimestepEmbedding:
      return "timestep_embedding";
    case OpKind::kLoop:
      return "loop";
  }
  return "?";
}

std::string_view to_string(UnaryKind kind) noexcept {
  switch (kind) {
    case UnaryKind::kSilu:
      return "silu";
    case UnaryKind::kGelu:
      return "gelu";
    case UnaryKind::kGeluTanh:
      return "gelu_tanh";
    case UnaryKind::kQuickGelu:
      return "quick_gelu";
    case UnaryKind::kRelu:
      return "relu";
    case UnaryKind::kTanh:
      return "tanh";
    case UnaryKind::kSigmoid:
      return "sigmoid";
    case UnaryKind::kFloor:
      return "floor";
    case UnaryKind::kRound:
      return "round";
    case UnaryKind::kExp:
      return "exp";
    case UnaryKind::kLog:
      return "log";
    case UnaryKind::kSqrt:
      return "sqrt";
    case UnaryKind::kNeg:
      return "neg";
    case UnaryKind::kAbs:
      return "abs";
  }
  return "?";
}

std::string_view to_string(BinaryKind kind) noexcept {
  switch (kind) {
    case BinaryKind::kAdd:
      return "add";
    case BinaryKind::kSub:
      return "sub";
    case BinaryKind::kMul:
      return "mul";
    case BinaryKind::kDiv:
      return "div";
    case BinaryKind::kMin:
      return "min";
    case BinaryKind::kMax:
      return "max";
    case BinaryKind::kPow:
      return "pow";
  }
  return "?";
}

std::string_view to_string(CompareKind kind) noexcept {
  switch (kind) {
    case CompareKind::kLess:
      return "less";
    case CompareKind::kLessEqual:
      return "less_equal";
    case CompareKind::kGreater:
      return "greater";
    case CompareKind::kGreaterEqual:
      return "greater_equal";
    case CompareKind::kEqual:
      return "equal";
  }
  return "?";
}

std::string_view to_string(ReduceKind kind) noexcept {
  switch (kind) {
    case ReduceKind::kMin:
      return "reduce_min";
    case ReduceKind::kMax:
      return "reduce_max";
    case ReduceKind::kMean:
      return "reduce_mean";
    case ReduceKind::kSum:
      return "reduce_sum";
  }
  return "?";
}

std::string_view to_string(ResizeMode mode) noexcept {
  switch (mode) {
    case ResizeMode::kNearest:
      return "nearest";
    case ResizeMode::kNearestExact:
      return "nearest_exact";
    case ResizeMode::kBilinear:
      return "bilinear";
    case ResizeMode::kBicubic:
      return "bicubic";
  }
  return "?";
}

std::string_view to_string(PadMode mode) noexcept {
  switch (mode) {
    case PadMode::kConstant:
      return "constant";
    case PadMode::kReflect:
      return "reflect";
    case PadMode::kReplicate:
      return "replicate";
  }
  return "?";
}

}  // namespace comfystream::graph
