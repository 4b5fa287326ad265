// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/ops_test.hpp"

#include "comfystream/backend/openvino/openvino_backend.hpp"
#include "comfystream/backend/reference/reference_backend.hpp"

namespace comfystream::backend::openvino {
namespace {

using graph::Value;

std::vector<Tensor> random_inputs(const graph::Graph& graph, std::int64_t batch) {
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

void expect_same(const Tensor& actual, const Tensor& expected, double tolerance) {
  ASSERT_EQ(actual.shape(), expected.shape());
  ASSERT_EQ(actual.dtype(), expected.dtype());
  if (is_floating(expected.dtype())) {
    EXPECT_LE(relative_error(actual.to_f32().values<float>(), expected.to_f32().values<float>()), tolerance);
  } else {
    EXPECT_EQ(std::memcmp(actual.bytes().data(), expected.bytes().data(), expected.size_bytes()), 0);
  }
}

}  // namespace

TEST_P(OpenVinoOps, MatchTheReference) {
  graph::Builder builder;
  GetParam().build(builder);
  const graph::Graph graph = builder.take();
  for (const std::int64_t max_batch : {8, 1}) {
    const auto executable = make_openvino_backend()->compile(graph, {.max_batch = max_batch});
    const auto reference = make_reference_backend()->compile(graph, {.max_batch = max_batch});
    for (const std::int64_t batch : {3, 1, 8}) {
      if (batch > max_batch) {
        continue;
      }
      SCOPED_TRACE("batch " + std::to_string(batch) + " of " + std::to_string(max_batch));
      const auto inputs = random_inputs(graph, batch);
      const auto actual = run_once(*executable, graph, inputs, batch);
      const auto expected = run_once(*reference, graph, inputs, batch);
      for (std::size_t index = 0; index < expected.size(); ++index) {
        expect_same(actual[index], expected[index], GetParam().tolerance);
      }
    }
  }
}

}  // namespace comfystream::backend::openvino
