// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/ops_test.hpp"

#include "comfystream/backend/openvino/openvino_backend.hpp"
#include "comfystream/backend/reference/reference_backend.hpp"

#include <cstring>

namespace comfystream::backend::openvino {
namespace {

using tests::random_inputs;
using tests::relative_error;

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
