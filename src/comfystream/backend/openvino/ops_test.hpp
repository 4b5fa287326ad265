// SPDX-License-Identifier: Apache-2.0
// Operations on OpenVINO against the reference backend: each case is a graph, run at a batch that may change (3, 1, 8)
// and at a static batch of one.
#pragma once

#include "comfystream/backend/openvino/test_networks.hpp"

#include <algorithm>
#include <cctype>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::backend::openvino {

struct OpCase {
  std::string name;
  std::function<void(graph::Builder&)> build;
  double tolerance = 1e-5;  ///< of the output's scale; 0 where values are exact
};

inline std::ostream& operator<<(std::ostream& stream, const OpCase& op) { return stream << op.name; }

class OpenVinoOps : public testing::TestWithParam<OpCase> {
 public:
  static std::string name_of(const testing::TestParamInfo<OpCase>& info) {
    std::string name = info.param.name;
    std::ranges::replace_if(
        name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
    return name;
  }
};

/// The input most cases read.
inline graph::Value pictures(graph::Builder& b, std::int64_t channels = 6, std::int64_t height = 7,
                             std::int64_t width = 5) {
  return b.input("x", DType::kF32, graph::SymShape{graph::kBatch, channels, height, width});
}

inline Tensor weight(const Shape& shape, std::uint32_t seed = 50) { return random_tensor(shape, seed, 0.5F); }

}  // namespace comfystream::backend::openvino
