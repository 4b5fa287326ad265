// SPDX-License-Identifier: Apache-2.0
// Workflows from their JSON to a graph and its pictures, on the reference backend.
#pragma once

#include "comfystream/core/log.hpp"
#include "comfystream/workflow/trace.hpp"
#include "nodes/register_nodes.hpp"
#include "tests/support/clip_vocabulary.hpp"
#include "tests/support/run_reference.hpp"
#include "tests/support/tiny_models.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace comfystream::tests {

using workflow::Json;

/// Everything that tracing takes beside the workflow.
class Studio {
 public:
  Studio() : store_(workflow::ModelFolders(models_.root()), clip_vocabulary(), make_null_log()) {
    nodes::register_nodes(registry_);
  }

  [[nodiscard]] workflow::TracedWorkflow trace(const Json& json, const workflow::TraceOptions& options) {
    const auto validated =
        workflow::validate_or_throw(workflow::parse_workflow(json, "test.json"), registry_, store_.folders());
    return workflow::trace_workflow(validated, registry_, store_, options);
  }
  [[nodiscard]] workflow::ModelStore& store() noexcept { return store_; }
  [[nodiscard]] workflow::NodeRegistry& registry() noexcept { return registry_; }
  [[nodiscard]] const TinyModels& models() const noexcept { return models_; }

 private:
  TinyModels models_;
  workflow::NodeRegistry registry_;
  workflow::ModelStore store_;
};

/// {"class_type": ..., "inputs": ...}
inline Json node(const char* class_type, Json inputs) {
  return Json{{"class_type", class_type}, {"inputs", std::move(inputs)}};
}
/// ["id", output]
inline Json link(const char* id, int output = 0) { return Json::array({id, output}); }

/// ComfyStream's batch workflow: depth -> ControlNet -> one step of lcm -> TAESD.
inline Json batch_workflow() {
  return Json{
      {"1", node("LoadBatchTensor", {{"batch_size", 4}})},
      {"2", node("DepthAnythingTensorrt", {{"images", link("1")}, {"engine", "depth.engine"}})},
      {"3", node("TensorRTLoader", {{"unet_name", "any.engine"}, {"model_type", "SD15"}})},
      {"4", node("CLIPLoader", {{"clip_name", "clip.safetensors"}, {"type", "stable_diffusion"}})},
      {"5", node("CLIPTextEncode", {{"text", "the hulk"}, {"clip", link("4")}})},
      {"6", node("CLIPTextEncode", {{"text", ""}, {"clip", link("4")}})},
      {"8", node("ControlNetLoader", {{"control_net_name", "depth.safetensors"}})},
      {"9", node("ControlNetApplyAdvanced", {{"positive", link("5")},
                                             {"negative", link("6")},
                                             {"control_net", link("8")},
                                             {"image", link("2")},
                                             {"strength", 1.0},
                                             {"start_percent", 0.0},
                                             {"end_percent", 1.0}})},
      {"11", node("VAELoader", {{"vae_name", "taesd"}})},
      {"16", node("EmptyLatentImage", {{"width", 64}, {"height", 32}, {"batch_size", 2}})},
      {"7", node("KSampler", {{"model", link("3")},
                              {"seed", 905056445574169},
                              {"steps", 1},
                              {"cfg", 1.0},
                              {"sampler_name", "lcm"},
                              {"scheduler", "normal"},
                              {"positive", link("9", 0)},
                              {"negative", link("9", 1)},
                              {"latent_image", link("16")},
                              {"denoise", 1.0}})},
      {"14", node("VAEDecode", {{"samples", link("7")}, {"vae", link("11")}})},
      {"15", node("SaveBatchTensor", {{"images", link("14")}})},
  };
}

/// Sets "<id>.<input>".
inline Json with(Json json, std::string_view id, const char* input, Json value) {
  json[std::string(id)]["inputs"][input] = std::move(value);
  return json;
}

/// `rows` pictures of unlike contents, u8 [rows, height, width, 3]; `first` counts on from another call's.
inline Tensor pictures(std::int64_t rows, int height, int width, std::int64_t first = 0) {
  Tensor frames(DType::kU8, {rows, height, width, 3});
  const auto bytes = frames.mutable_bytes();
  const std::size_t row = static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 3;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto picture = static_cast<std::uint64_t>(first) + i / row;
    const std::uint64_t mixed = (picture * 1000003 + i % row) * 0x9E3779B97F4A7C15U;
    bytes[i] = static_cast<std::byte>(mixed >> 56U);
  }
  return frames;
}

/// The pictures that leave, [batch, H, W, 3].
inline Tensor run(const workflow::TracedWorkflow& traced, const Tensor& frames, const Parameters& parameters = {}) {
  const std::int64_t rows = frames.shape()[0];
  return run_reference(traced.graph, {frames}, rows, traced.max_batch, parameters).front();
}

/// Row `index` alone.
inline Tensor row(const Tensor& batch, std::int64_t index) {
  auto dims = batch.shape().dims();
  dims.front() = 1;
  const std::size_t bytes = batch.size_bytes() / static_cast<std::size_t>(batch.shape()[0]);
  const auto owner = std::make_shared<Tensor>(batch);
  return Tensor::borrow(batch.dtype(), Shape(dims),
                        batch.bytes().subspan(static_cast<std::size_t>(index) * bytes, bytes), owner);
}

/// The parameters' names, in the graph's order.
inline std::vector<std::string> parameter_names(const graph::Graph& graph) {
  std::vector<std::string> names;
  for (const auto value : graph.parameters()) names.push_back(graph.node(value).name);
  return names;
}

}  // namespace comfystream::tests
