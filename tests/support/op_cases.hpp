// SPDX-License-Identifier: Apache-2.0
// Operations as small graphs, for comparing backends with the reference: each case is a graph to be run at several
// batches on random inputs.
#pragma once

#include "comfystream/graph/builder.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <functional>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace comfystream::tests {

using graph::Builder;
using graph::Dim;
using graph::kBatch;
using graph::SymShape;
using graph::Value;

struct OpCase {
  std::string name;
  std::function<void(graph::Builder&)> build;
  double tolerance = 1e-5;  ///< of the output's scale, in single precision; 0 where values are exact
};

inline std::ostream& operator<<(std::ostream& stream, const OpCase& op) { return stream << op.name; }

/// The case's name as GoogleTest takes it.
inline std::string test_name_of(const OpCase& op) {
  std::string name = op.name;
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

/// Uniform in [-scale, scale], the same on every machine.
inline Tensor random_tensor(const Shape& shape, std::uint32_t seed, float scale = 1.0F) {
  std::minstd_rand generator(seed);
  Tensor tensor(DType::kF32, shape);
  for (float& value : tensor.mutable_values<float>()) {
    value = scale * (2.0F * static_cast<float>(generator()) / static_cast<float>(std::minstd_rand::max()) - 1.0F);
  }
  return tensor;
}

/// Inputs of every type for a batch: floats in [-3, 3], bytes of all values, other whole numbers below 5.
inline std::vector<Tensor> random_inputs(const graph::Graph& graph, std::int64_t batch) {
  std::vector<Tensor> inputs;
  for (const Value value : graph.inputs()) {
    const graph::ValueType& type = graph.type(value);
    const Shape shape = type.shape.at(batch);
    const auto seed = static_cast<std::uint32_t>(inputs.size() + 1);
    if (is_floating(type.dtype)) {
      inputs.push_back(random_tensor(shape, seed, 3.0F).cast(type.dtype));
      continue;
    }
    Tensor tensor(type.dtype, shape);
    std::minstd_rand generator(seed);
    for (std::byte* at = tensor.mutable_bytes().data(); at < tensor.bytes().data() + tensor.size_bytes();
         at += size_of(type.dtype)) {
      *at = static_cast<std::byte>(generator() % (type.dtype == DType::kU8 ? 256 : 5));
    }
    inputs.push_back(tensor);
  }
  return inputs;
}

/// Largest difference, relative to the largest expected value.
inline double relative_error(std::span<const float> actual, std::span<const float> expected) {
  double worst = 0;
  double scale = 1e-12;
  for (std::size_t at = 0; at < expected.size(); ++at) {
    const double difference = std::abs(static_cast<double>(actual[at]) - static_cast<double>(expected[at]));
    worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
    scale = std::max(scale, std::abs(static_cast<double>(expected[at])));
  }
  return actual.size() == expected.size() ? worst / scale : INFINITY;
}

/// The input most cases read.
inline graph::Value pictures(graph::Builder& b, std::int64_t channels = 6, std::int64_t height = 7,
                             std::int64_t width = 5) {
  return b.input("x", DType::kF32, graph::SymShape{graph::kBatch, channels, height, width});
}

inline Tensor weight(const Shape& shape, std::uint32_t seed = 50) { return random_tensor(shape, seed, 0.5F); }

}  // namespace comfystream::tests
