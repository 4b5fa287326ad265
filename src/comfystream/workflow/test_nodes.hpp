// SPDX-License-Identifier: Apache-2.0
// Node classes that only have looks, for tests of validation.
#pragma once

#include "comfystream/workflow/registry.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace comfystream::workflow {

class LooksOnly final : public NodeType {
 public:
  LooksOnly(std::string class_type, std::vector<InputSpec> inputs, std::vector<OutputSpec> outputs) {
    spec_.class_type = std::move(class_type);
    spec_.inputs = std::move(inputs);
    spec_.outputs = std::move(outputs);
    spec_.output_node = spec_.outputs.empty();
  }
  [[nodiscard]] const NodeSpec& spec() const noexcept override { return spec_; }
  void trace(NodeContext& /*context*/) const override {}

 private:
  NodeSpec spec_;
};

/// A sampler, what it reads from, and outputs, with ComfyUI's ranges.
inline NodeRegistry test_registry() {
  NodeRegistry registry;
  const auto add = [&](const char* class_type, std::vector<InputSpec> inputs, std::vector<OutputSpec> outputs) {
    registry.add(std::make_unique<LooksOnly>(class_type, std::move(inputs), std::move(outputs)));
  };
  std::vector<std::string> long_list;
  long_list.reserve(21);
  for (int i = 0; i < 21; ++i) long_list.push_back("choice" + std::to_string(i));
  add("Model", {file_input("unet_name", "unet")}, {{"MODEL", ""}});
  add("Engine", {file_input("unet_name", "tensorrt")}, {{"MODEL", ""}});
  add("VaeFile", {file_input("unet_name", "vae")}, {{"MODEL", ""}});
  add("Picture", {file_input("image", "input")}, {{"IMAGE", ""}, {"MASK", ""}});
  add("Text", {string_input("text", "")}, {{"STRING", ""}});
  add("Latent", {int_input("width", 512, 16, 16384, 8)}, {{"LATENT", "latent"}});
  add("Sampler",
      {socket_input("model", "MODEL"), int_input("seed", 0, 0, UINT64_MAX), int_input("steps", 20, 1, 10000),
       float_input("cfg", 8.0, 0.0, 100.0, 0.1, 0.01), combo_input("sampler_name", {"euler", "lcm"}),
       combo_input("scheduler", std::move(long_list)), socket_input("latent", "LATENT"),
       optional(bool_input("flag", true)), optional(socket_input("mask", "MASK"))},
      {{"LATENT", ""}});
  add("Decode", {socket_input("samples", "LATENT")}, {{"IMAGE", ""}});
  add("LoadTensor", {}, {{"IMAGE", ""}});
  add("LoadImage", {file_input("image", "input")}, {{"IMAGE", ""}, {"MASK", ""}});
  add("SaveTensor", {socket_input("images", "IMAGE")}, {});
  add("PreviewImage", {socket_input("images", "IMAGE")}, {});
  add("Save", {socket_input("images", "IMAGE"), optional(string_input("prefix", "ComfyUI"))}, {});
  return registry;
}

inline constexpr const char* kSamplerWorkflow = R"({
  "1": {"class_type": "Latent", "inputs": {"width": 64}},
  "2": {"class_type": "Sampler", "inputs": {"model": ["5", 0], "seed": 1, "steps": 1, "cfg": 1, "sampler_name": "lcm",
        "scheduler": "choice3", "latent": ["1", 0]}},
  "3": {"class_type": "Decode", "inputs": {"samples": ["2", 0]}},
  "4": {"class_type": "Save", "inputs": {"images": ["3", 0]}},
  "5": {"class_type": "Model", "inputs": {"unet_name": "a.safetensors"}}})";

}  // namespace comfystream::workflow
