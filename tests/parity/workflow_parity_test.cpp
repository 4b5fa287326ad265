// SPDX-License-Identifier: Apache-2.0
// Workflows from their JSON to pictures, against PyTorch: eps of every evaluation, latents and pictures, and that a
// changed prompt, a missing ControlNet and another frame would be seen.
#include "comfystream/backend/registry.hpp"
#include "comfystream/client/workflow_plan.hpp"
#include "comfystream/core/log.hpp"
#include "comfystream/models/engine/build_engine.hpp"
#include "comfystream/models/weights/safetensors/writer.hpp"
#include "comfystream/workflow/trace.hpp"
#include "nodes/register_nodes.hpp"
#include "tests/support/clip_vocabulary.hpp"
#include "tests/support/network_golden.hpp"
#include "tests/support/test_folder.hpp"
#include "tests/support/workflow_golden.hpp"

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::tests {
namespace {

using graph::Value;
using workflow::Json;

/// Of a tensor's largest value.
constexpr double kTolerance = 1e-4;
constexpr double kSamePicture = 50.0;
constexpr double kOtherPicture = 30.0;
constexpr int kUnrolledSteps = 4;

/// ComfyUI's models folder with the goldens' models, and what reads workflows.
class Stand {
 public:
  Stand() : store_(workflow::ModelFolders(folder_.path()), clip_vocabulary(), make_null_log()) {
    nodes::register_nodes(registry_);
    for (const auto& file : workflow_model_files()) {
      const auto path = folder_ / file.path;
      weights::save_safetensors(path, file.make(path.string()));
      if (!file.engine.empty()) build_engine(file, path);
    }
  }

  workflow::TracedWorkflow trace(const Json& json) {
    const auto validated =
        workflow::validate_or_throw(workflow::parse_workflow(json, "golden.json"), registry_, store_.folders());
    return workflow::trace_workflow(validated, registry_, store_,
                                    {.max_batch = 2,
                                     .size = {},
                                     .frames = {64, 48},
                                     .input = PixelFormat::kRgbF32,
                                     .output = PixelFormat::kRgbF32});
  }

 private:
  void build_engine(const WorkflowModelFile& file, const std::filesystem::path& checkpoint) const {
    engine::BuildRequest request;
    request.checkpoint = checkpoint;
    request.output = folder_ / file.engine;
    request.batch = engine::ProfileRange{1, 2, 4};
    request.height = engine::ProfileRange{file.height, file.height, file.height};
    request.width = engine::ProfileRange{file.width, file.width, file.width};
    request.dtype = DType::kF32;
    engine::build_engine(request);
  }

  TestFolder folder_;
  workflow::NodeRegistry registry_;
  workflow::ModelStore store_;
};

bool in_scope(const graph::Node& node, const std::string& scope) {
  return node.scope == scope || node.scope.starts_with(scope + "/");
}

std::optional<Value> last_in_scope(const graph::Graph& graph, const std::string& scope) {
  std::optional<Value> last;
  for (std::uint32_t id = 0; id < graph.nodes().size(); ++id) {
    if (in_scope(graph.nodes()[id], scope)) last = Value{id};
  }
  return last;
}

/// What a step's network says, after guidance: its last operation where x has the batch's rows, else (both prompts in
/// one batch) the sum that ends the guidance, which is the first one behind it.
std::optional<Value> eps_of_step(const graph::Graph& graph, int step) {
  const std::string scope = "KSampler#sampler/step_" + std::to_string(step);
  const auto network = last_in_scope(graph, scope + "/unet");
  if (!network || graph.type(*network).shape[0] == graph::kBatch) return network;
  for (std::uint32_t id = network->id + 1; id < graph.nodes().size(); ++id) {
    const graph::Node& node = graph.nodes()[id];
    const auto* attrs = std::get_if<graph::BinaryAttrs>(&node.attrs);
    if (in_scope(node, scope) && attrs != nullptr && attrs->kind == graph::BinaryKind::kAdd) return Value{id};
  }
  return std::nullopt;
}

/// The graph with the values that the goldens name as outputs beside the pictures.
graph::Graph with_insights(graph::Graph graph) {
  const auto show = [&](const std::string& name, std::optional<Value> value) {
    if (value) graph.add_output(name, *value);
  };
  show("encode.latent", last_in_scope(graph, "VAEEncode#encode"));
  show("sampler.latent", last_in_scope(graph, "KSampler#sampler"));
  for (int step = 0; step < kUnrolledSteps; ++step)
    show("sampler.eps." + std::to_string(step), eps_of_step(graph, step));
  return graph;
}

class WorkflowParity : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() {
    if (!clip_vocabulary().empty()) stand = std::make_unique<Stand>();
  }
  static void TearDownTestSuite() { stand.reset(); }
  void SetUp() override {
    if (stand == nullptr) GTEST_SKIP() << "CLIP's vocabulary is not here; ./test fetches it";
    for (const auto& status : backend::list_backends()) {
      if (status.name == GetParam() && !status.available) GTEST_SKIP() << status.detail;
    }
  }

  /// What frames make of the workflow as the program runs it.
  static Tensor pictures(client::WorkflowPlan& plan, const Tensor& frames) {
    const auto slot = plan.make_slot();
    const auto batch = static_cast<int>(frames.shape()[0]);
    const std::size_t size = plan.input().size_bytes();
    for (int row = 0; row < batch; ++row) {
      std::memcpy(slot->input_row(row).data(), frames.bytes().data() + static_cast<std::size_t>(row) * size, size);
    }
    plan.enqueue(*slot, plan.run_size(batch));
    plan.wait(*slot);
    Tensor result(DType::kF32, {batch, plan.output().height, plan.output().width, 3});
    const std::size_t out = plan.output().size_bytes();
    for (int row = 0; row < batch; ++row) {
      std::memcpy(result.mutable_bytes().data() + static_cast<std::size_t>(row) * out, slot->output_row(row).data(),
                  out);
    }
    return result;
  }
  static client::WorkflowPlan compile(const Json& json) {
    return {stand->trace(json), *backend::make_backend(GetParam()), {}};
  }

  /// The goldens' values by name, from the graph as one, nothing computed ahead.
  static std::map<std::string, Tensor> insights(const Json& json) {
    const graph::Graph graph = with_insights(stand->trace(json).graph);
    const std::vector<Tensor> inputs{workflow_frames()};
    const std::int64_t batch = inputs.front().shape()[0];
    const auto executable = backend::make_backend(GetParam())->compile(graph, {.max_batch = batch});
    const auto values = backend::run_once(*executable, graph, inputs, batch);
    std::map<std::string, Tensor> named;
    for (std::size_t i = 0; i < values.size(); ++i) named.emplace(graph.outputs()[i].name, values[i]);
    return named;
  }

  struct Golden {
    Json flow;
    weights::WeightMap arrays;
  };
  static Golden golden(const std::string& name) {
    auto arrays = weights::load_weights(workflow_golden_path(name + ".safetensors"));
    return {Json::parse(arrays.metadata().find("workflow")->second), arrays};
  }

  /// `inside`: how many of the golden's tensors beside the pictures must be found in the graph.
  static void expect_golden(const std::string& name, int inside) {
    const auto [flow, arrays] = golden(name);
    auto plan = compile(flow);
    EXPECT_GE(psnr(pictures(plan, workflow_frames()), arrays.at("pictures")), kSamePicture);
    int compared = 0;
    for (const auto& [key, actual] : insights(flow)) {
      if (key == "frames") continue;
      ++compared;
      EXPECT_LE(relative_error(actual, arrays.at(key)), kTolerance) << key;
    }
    EXPECT_EQ(compared, inside);
  }

  static void expect_seen(const std::string& name) {
    const auto [flow, arrays] = golden(name);
    const Tensor& expected = arrays.at("pictures");
    auto plan = compile(flow);
    EXPECT_LT(psnr(pictures(plan, workflow_frames(/*swapped=*/true)), expected), kOtherPicture);
    Json reworded = flow;
    reworded["positive"]["inputs"]["text"] = "an oil painting of a ship at sea";
    ASSERT_TRUE(plan.update(stand->trace(reworded)));
    EXPECT_LT(psnr(pictures(plan, workflow_frames()), expected), kOtherPicture);
    ASSERT_TRUE(plan.update(stand->trace(flow)));
    EXPECT_GE(psnr(pictures(plan, workflow_frames()), expected), kSamePicture);
    Json alone = flow;
    for (auto& [id, node] : alone.items()) {
      if (node["class_type"] == "ControlNetApplyAdvanced") node["inputs"]["strength"] = 0.0;
    }
    auto without = compile(alone);
    EXPECT_LT(psnr(pictures(without, workflow_frames()), expected), kOtherPicture);
  }

  static std::unique_ptr<Stand> stand;
};

std::unique_ptr<Stand> WorkflowParity::stand;

TEST_P(WorkflowParity, OneStepFromNoise) { expect_golden("from_noise", 2); }
TEST_P(WorkflowParity, LowNoiseOverFrames) { expect_golden("from_frames", 5); }
TEST_P(WorkflowParity, GuidedWithTwoControlNetsFromACheckpoint) { expect_golden("guided", 4); }
TEST_P(WorkflowParity, NoiseOfSlotsAndSteps) { expect_golden("stochastic", 6); }
TEST_P(WorkflowParity, MasksAndComposites) { expect_golden("masked", 0); }
TEST_P(WorkflowParity, PromptControlAndFrameAreSeen) { expect_seen("from_frames"); }
TEST_P(WorkflowParity, PromptControlAndFrameAreSeenUnderGuidance) { expect_seen("guided"); }
TEST_P(WorkflowParity, PromptControlAndFrameAreSeenWithNoise) { expect_seen("stochastic"); }

INSTANTIATE_TEST_SUITE_P(Backends, WorkflowParity, testing::Values("reference", "openvino"),
                         [](const auto& backend) { return backend.param; });

}  // namespace
}  // namespace comfystream::tests
