// SPDX-License-Identifier: Apache-2.0
// Whole networks on a card against the reference backend in single precision, and the batch workflow at a small size.
#include "benchmarks/sd15_workflow.hpp"
#include "comfystream/backend/cuda/device_test.hpp"
#include "comfystream/backend/reference/reference_backend.hpp"

#include <cmath>

namespace comfystream::backend::cuda {
namespace {

// Half precision through tens of layers; the tiny networks average over fewer channels than real ones, which stay below
// 2e-3 (docs/performance.md).
constexpr double kMeanTolerance = 5e-3;
constexpr std::int64_t kSmallSide = 64;

double mean_error(std::span<const float> actual, std::span<const float> expected) {
  double error = 0;
  double size = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error += std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    size += std::abs(static_cast<double>(expected[i]));
  }
  return error / size;
}

double psnr(std::span<const std::byte> actual, std::span<const std::byte> expected) {
  double squares = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const int difference = std::to_integer<int>(actual[i]) - std::to_integer<int>(expected[i]);
    squares += static_cast<double>(difference) * difference;
  }
  return squares == 0 ? 99.0 : 10.0 * std::log10(255.0 * 255.0 * static_cast<double>(expected.size()) / squares);
}

std::vector<Tensor> inputs_of(const graph::Graph& graph, std::int64_t batch) {
  std::vector<Tensor> inputs;
  for (const auto value : graph.inputs()) inputs.push_back(benchmarks::input_value(graph.node(value), batch));
  return inputs;
}

class DeviceNetworks : public DeviceTest, public testing::WithParamInterface<const char*> {};

TEST_P(DeviceNetworks, MatchTheReference) {
  const std::string name = GetParam();
  const bool depth = name == "depth";
  const graph::Graph graph =
      tests::synth_network(name, depth ? "depth-anything-v2-tiny" : "sd15-tiny", depth ? 56 : 8, DType::kF16);
  for (const std::int64_t batch : {1, 3}) {
    const auto inputs = inputs_of(graph, batch);
    const auto actual = run_once(*compile_untuned(graph, batch), graph, inputs, batch);
    const auto expected =
        run_once(*make_reference_backend()->compile(graph, {.max_batch = batch}), graph, inputs, batch);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_LE(mean_error(actual[i].values<float>(), expected[i].values<float>()), kMeanTolerance)
          << "batch " << batch;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, DeviceNetworks,
                         testing::Values("unet", "unet+control", "taesd", "vae", "vae-encode", "depth"),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::ranges::replace_if(
                               name, [](char c) { return std::isalnum(c) == 0; }, '_');
                           return name;
                         });

graph::Graph small_workflow(bool whole_work) {
  const auto nets = benchmarks::make_networks("sd15-tiny", "depth-anything-v2-tiny");
  const auto width = weights::stable_diffusion_dims("sd15-tiny").unet.context_dim;
  return benchmarks::workflow_graph(nets, whole_work, kSmallSide, width, 56);
}

TEST_F(DeviceTest, TheWorkflowMatchesTheReferenceWithAndWithoutItsStaticPart) {
  for (const bool whole : {true, false}) {
    const graph::Graph graph = small_workflow(whole);
    const auto inputs = inputs_of(graph, 2);
    const auto expected = run_once(*make_reference_backend()->compile(graph, {.max_batch = 2}), graph, inputs, 2);
    for (const bool split : {true, false}) {
      const auto actual = run_once(*compile_untuned(graph, 2, split), graph, inputs, 2);
      EXPECT_GE(psnr(actual[0].bytes(), expected[0].bytes()), 40.0) << "whole " << whole << ", split " << split;
    }
  }
}

TEST_F(DeviceTest, AFrameIsTheSameInEveryBatch) {
  const graph::Graph graph = small_workflow(true);
  const auto executable = compile_untuned(graph, 8);
  const auto all = run_once(*executable, graph, inputs_of(graph, 8), 8);
  for (const std::int64_t batch : {1, 2, 5}) {
    const auto some = run_once(*executable, graph, inputs_of(graph, batch), batch);
    const auto expected = all[0].bytes().first(some[0].size_bytes());
    std::size_t close = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      close += std::abs(std::to_integer<int>(some[0].bytes()[i]) - std::to_integer<int>(expected[i])) <= 2 ? 1U : 0U;
    }
    EXPECT_GE(static_cast<double>(close), 0.999 * static_cast<double>(expected.size())) << "batch " << batch;
    EXPECT_GE(psnr(some[0].bytes(), expected), 45.0) << "batch " << batch;
  }
}

}  // namespace
}  // namespace comfystream::backend::cuda
