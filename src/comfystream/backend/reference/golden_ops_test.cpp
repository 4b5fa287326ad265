// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/golden_ops_test.hpp"

#include "tests/support/run_reference.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <span>

namespace comfystream::backend::reference {
namespace {

Tensor first_rows(const Tensor& all, std::int64_t rows) {
  auto dims = all.shape().dims();
  dims[0] = rows;
  const auto values = all.values<float>();
  const auto count = static_cast<std::size_t>(Shape(dims).elements());
  return Tensor::from<float>(Shape(dims), values.first(count));
}

void expect_near(const Tensor& actual, const Tensor& expected, double tolerance) {
  ASSERT_EQ(actual.shape().to_string(), expected.shape().to_string());
  const auto a = actual.values<float>();
  const auto e = expected.values<float>();
  double scale = 0;
  for (const float value : e) scale = std::max(scale, std::abs(static_cast<double>(value)));
  for (std::size_t i = 0; i < e.size(); ++i) {
    ASSERT_NEAR(a[i], e[i], tolerance * scale) << "element " << i;
  }
}

}  // namespace

std::string GoldenOps::name_of(const testing::TestParamInfo<GoldenCase>& info) {
  std::string name = info.param.name;
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

TEST_P(GoldenOps, AgreesWithPyTorch) {
  const auto golden = weights::load_weights(COMFYSTREAM_SOURCE_DIR "/tests/parity/goldens/operations.safetensors");
  graph::Builder builder;
  GoldenInputs inputs(builder, golden);
  builder.output("y", GetParam().build(builder, inputs));
  const graph::Graph graph = builder.take();
  const Tensor expected = golden.at("out:" + GetParam().name).to_f32();
  constexpr std::int64_t kMaxBatch = 8;
  ASSERT_EQ(expected.shape()[0], kMaxBatch);
  for (const std::int64_t batch : {1, 3, 8}) {
    SCOPED_TRACE("batch " + std::to_string(batch));
    std::vector<Tensor> given;
    for (const auto& name : inputs.names()) given.push_back(first_rows(inputs.value(name).to_f32(), batch));
    const auto actual = tests::run_reference(graph, given, batch, kMaxBatch, {});
    expect_near(actual[0], first_rows(expected, batch), GetParam().tolerance);
  }
}

}  // namespace comfystream::backend::reference
