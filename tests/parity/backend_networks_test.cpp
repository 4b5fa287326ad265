// SPDX-License-Identifier: Apache-2.0
// Every network on OpenVINO against the same graph on the reference backend.
#include "comfystream/backend/openvino/openvino_backend.hpp"
#include "comfystream/backend/reference/reference_backend.hpp"
#include "tests/support/synth_networks.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::tests {
namespace {

/// Of the output's largest value, in single precision: what a network may differ by from its definition.
constexpr double kTolerance = 1e-4;

struct NetworkCase {
  std::string name;
  std::string arch;
  std::int64_t side;
  DType dtype = DType::kF32;
};

std::ostream& operator<<(std::ostream& stream, const NetworkCase& network) { return stream << network.name; }

std::vector<Tensor> random_inputs(const graph::Graph& graph, std::int64_t batch) {
  std::vector<Tensor> inputs;
  for (const graph::Value value : graph.inputs()) {
    const graph::Node& node = graph.node(value);
    inputs.push_back(
        weights::synth_tensor(node.name, node.type.shape.at(batch), weights::SynthKind::kEmbedding, 7, 2.0F));
  }
  return inputs;
}

double relative_error(const Tensor& actual, const Tensor& expected) {
  double worst = 0;
  double scale = 0;
  for (std::size_t at = 0; at < expected.values<float>().size(); ++at) {
    const double want = expected.values<float>()[at];
    const double difference = std::abs(actual.values<float>()[at] - want);
    worst = std::isfinite(difference) ? std::max(worst, difference) : INFINITY;
    scale = std::max(scale, std::abs(want));
  }
  return worst / scale;
}

class BackendNetworks : public testing::TestWithParam<NetworkCase> {};

TEST_P(BackendNetworks, OpenVinoMatchesTheReference) {
  const auto& [name, arch, side, dtype] = GetParam();
  const graph::Graph graph = synth_network(name, arch, side, dtype);
  for (const std::int64_t max_batch : {3, 1}) {
    const auto openvino = backend::make_openvino_backend()->compile(graph, {.max_batch = max_batch});
    const auto inputs = random_inputs(graph, max_batch);
    const auto actual = run_once(*openvino, graph, inputs, max_batch);
    const auto reference = backend::make_reference_backend()->compile(graph, {.max_batch = max_batch});
    const auto expected = run_once(*reference, graph, inputs, max_batch);
    EXPECT_LE(relative_error(actual.front(), expected.front()), kTolerance) << "batch " << max_batch;
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, BackendNetworks,
                         testing::Values(NetworkCase{"unet", "sd15-tiny", 8},
                                         NetworkCase{"unet+control", "sd15-tiny", 8},
                                         NetworkCase{"unet", "sd15-tiny", 8, DType::kF16},
                                         NetworkCase{"taesd", "sd15-tiny", 6}, NetworkCase{"vae", "sd15-tiny", 5},
                                         NetworkCase{"vae-encode", "sd15-tiny", 5},
                                         NetworkCase{"depth", "depth-anything-v2-tiny", 56}),
                         [](const auto& network) {
                           std::string text = network.param.name + (network.param.dtype == DType::kF16 ? "_f16" : "");
                           std::ranges::replace_if(
                               text, [](char c) { return c == '+' || c == '-'; }, '_');
                           return text;
                         });

}  // namespace
}  // namespace comfystream::tests
