// SPDX-License-Identifier: Apache-2.0
// Random graphs on OpenVINO against the reference backend: operations in company, whole and cut into setup and frame.
#include "comfystream/backend/openvino/openvino_backend.hpp"
#include "comfystream/backend/openvino/test_networks.hpp"
#include "comfystream/graph/passes/simplify.hpp"
#include "comfystream/graph/passes/split_static.hpp"
#include "tests/support/random_graph.hpp"
#include "tests/support/run_reference.hpp"

#include <gtest/gtest.h>

namespace comfystream::backend::openvino {
namespace {

constexpr std::int64_t kMaxBatch = 3;
constexpr double kTolerance = 2e-5;  // of an output's scale: a dozen operations, one behind the other

std::vector<Tensor> run(const graph::Graph& graph, const std::vector<Tensor>& inputs, std::int64_t batch,
                        const tests::Parameters& parameters) {
  const auto executable = make_openvino_backend()->compile(graph, {.max_batch = kMaxBatch});
  for (std::size_t i = 0; i < graph.parameters().size(); ++i) {
    const auto found = parameters.find(graph.node(graph.parameters()[i]).name);
    if (found != parameters.end()) executable->set_parameter(i, found->second);
  }
  return run_once(*executable, graph, inputs, batch);
}

std::vector<Tensor> run_split(const graph::Graph& graph, const std::vector<Tensor>& inputs, std::int64_t batch,
                              tests::Parameters parameters) {
  const auto split = graph::split_static(graph);
  if (!split.crossing.empty()) {
    const auto crossing = run(split.setup, {}, kMaxBatch, parameters);
    for (std::size_t i = 0; i < crossing.size(); ++i) parameters[split.crossing[i]] = crossing[i];
  }
  return run(split.frame, inputs, batch, parameters);
}

class OpenVinoRandomGraphs : public testing::TestWithParam<std::uint32_t> {};

TEST_P(OpenVinoRandomGraphs, MatchTheReferenceWholeAndCut) {
  const auto graph = graph::simplify(tests::RandomGraph(GetParam(), 16, tests::Rounding::kNo).take());
  tests::Dice values(GetParam() + 1);
  const tests::Parameters parameters{{"fixed", values.tensor(tests::RandomGraph::map_shape(1))},
                                     {"slots", values.tensor(tests::RandomGraph::map_shape(kMaxBatch))},
                                     {"time", values.tensor({1}, 900.0F)}};
  const std::int64_t batch = 2;
  const std::vector<Tensor> inputs{values.tensor(tests::RandomGraph::map_shape(batch))};
  const auto expected = tests::run_reference(graph, inputs, batch, kMaxBatch, parameters);
  const auto whole = run(graph, inputs, batch, parameters);
  const auto cut = run_split(graph, inputs, batch, parameters);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto want = expected[i].values<float>();
    EXPECT_LE(relative_error(whole[i].values<float>(), want), kTolerance) << "output " << i;
    EXPECT_LE(relative_error(cut[i].values<float>(), want), kTolerance) << "output " << i << ", cut";
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, OpenVinoRandomGraphs, testing::Range(200U, 212U));

}  // namespace
}  // namespace comfystream::backend::openvino
