// SPDX-License-Identifier: Apache-2.0
// Operations against PyTorch's values (tools/goldens/operations.py): batches of 1, 3 and 8 of the same eight frames.
#pragma once

#include "comfystream/graph/builder.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::backend::reference {

/// The goldens' values, as the operands of a graph.
class GoldenInputs {
 public:
  GoldenInputs(graph::Builder& builder, const weights::WeightMap& golden) : builder_(builder), golden_(golden) {}

  /// One row per frame.
  graph::Value frames(const std::string& name) {
    graph::SymShape shape(value(name).shape());
    shape.dims()[0] = graph::kBatch;
    names_.push_back(name);
    return builder_.input(name, DType::kF32, std::move(shape));
  }
  /// The same for every frame: a constant, so that folding is tested too.
  graph::Value weight(const std::string& name) { return builder_.constant(value(name), name); }
  /// The same for every frame, in a way that is not folded.
  graph::Value parameter(const std::string& name) {
    return builder_.parameter(name, graph::SymShape(value(name).shape()), value(name));
  }

  [[nodiscard]] const Tensor& value(const std::string& name) const { return golden_.at("in:" + name); }
  /// The inputs that frames() made, in order.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

 private:
  graph::Builder& builder_;
  const weights::WeightMap& golden_;
  std::vector<std::string> names_;
};

struct GoldenCase {
  std::string name;
  std::function<graph::Value(graph::Builder&, GoldenInputs&)> build;
  double tolerance = 2e-6;  ///< of the output's largest magnitude; 0 where values are exact
};

inline std::ostream& operator<<(std::ostream& stream, const GoldenCase& one) { return stream << one.name; }

class GoldenOps : public testing::TestWithParam<GoldenCase> {
 public:
  static std::string name_of(const testing::TestParamInfo<GoldenCase>& info);
};

}  // namespace comfystream::backend::reference
