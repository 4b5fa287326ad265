// SPDX-License-Identifier: Apache-2.0
// What the nodes look like from outside: ComfyUI's object_info, as its users' workflows rely on it.
#include "nodes/register_nodes.hpp"

#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace comfystream::nodes {
namespace {

using workflow::InputKind;
using workflow::InputSpec;
using workflow::Json;

struct SpecCase {
  const char* class_type;
  const char* display_name;
  const char* category;
  const char* inputs;   ///< "name TYPE default min..max step round", "?" before optional ones
  const char* outputs;  ///< "TYPE" or "name:TYPE"
};

std::ostream& operator<<(std::ostream& stream, const SpecCase& spec) { return stream << spec.class_type; }

std::string words_of(const InputSpec& input) {
  std::string text = (input.required ? "" : "?") + input.name + " " + input.type;
  if (!input.folder.empty()) text += " models/" + input.folder;
  if (!input.default_value.is_null()) text += " " + input.default_value.dump();
  if (!input.min.is_null()) text += " " + input.min.dump() + ".." + input.max.dump();
  if (!input.step.is_null()) text += " step " + input.step.dump();
  if (!input.round.is_null()) text += " round " + input.round.dump();
  if (input.multiline) text += " multiline";
  return text;
}

std::string inputs_of(const workflow::NodeSpec& spec) {
  std::string text;
  for (const auto& input : spec.inputs) text += (text.empty() ? "" : "; ") + words_of(input);
  return text;
}

std::string outputs_of(const workflow::NodeSpec& spec) {
  std::string text;
  for (const auto& output : spec.outputs) {
    text += (text.empty() ? "" : "; ") + (output.name.empty() ? "" : output.name + ":") + output.type;
  }
  return text;
}

class NodeSpecs : public ::testing::TestWithParam<SpecCase> {};

TEST_P(NodeSpecs, AreComfyUis) {
  workflow::NodeRegistry registry;
  register_nodes(registry);
  const SpecCase& wanted = GetParam();
  const auto* type = registry.find(wanted.class_type);
  ASSERT_NE(type, nullptr);
  const auto& spec = type->spec();
  EXPECT_EQ(spec.display_name, wanted.display_name);
  EXPECT_EQ(spec.category, wanted.category);
  EXPECT_EQ(inputs_of(spec), wanted.inputs);
  EXPECT_EQ(outputs_of(spec), wanted.outputs);
  EXPECT_FALSE(spec.output_node);
}

constexpr SpecCase kSpecs[] = {
    {"CheckpointLoaderSimple", "Load Checkpoint", "loaders", "ckpt_name COMBO models/checkpoints", "MODEL; CLIP; VAE"},
    {"UNETLoader", "Load Diffusion Model", "advanced/loaders", "unet_name COMBO models/unet; weight_dtype COMBO",
     "MODEL"},
    {"CLIPLoader", "Load CLIP", "advanced/loaders", "clip_name COMBO models/clip; type COMBO; ?device COMBO", "CLIP"},
    {"VAELoader", "Load VAE", "loaders", "vae_name COMBO models/vae", "VAE"},
    {"ControlNetLoader", "Load ControlNet Model", "loaders", "control_net_name COMBO models/controlnet", "CONTROL_NET"},
    {"TensorRTLoader", "TensorRT Loader", "TensorRT", "unet_name COMBO models/tensorrt; model_type COMBO", "MODEL"},
    {"TorchCompileLoadControlNet", "TorchCompileLoadControlNet", "torch-compile",
     "controlnet CONTROL_NET; backend COMBO; fullgraph BOOLEAN false; mode COMBO \"default\"", "CONTROL_NET"},
    {"TorchCompileLoadVAE", "TorchCompileLoadVAE", "torch-compile",
     "vae VAE; backend COMBO; fullgraph BOOLEAN false; mode COMBO \"default\"; compile_encoder BOOLEAN true; "
     "compile_decoder BOOLEAN true",
     "VAE"},
    {"CLIPTextEncode", "CLIP Text Encode (Prompt)", "conditioning", "text STRING \"\" multiline; clip CLIP",
     "CONDITIONING"},
    {"CLIPSetLastLayer", "CLIP Set Last Layer", "conditioning", "clip CLIP; stop_at_clip_layer INT -1 -24..-1 step 1",
     "CLIP"},
    {"ConditioningConcat", "Conditioning (Concat)", "conditioning",
     "conditioning_to CONDITIONING; conditioning_from CONDITIONING", "CONDITIONING"},
    {"ControlNetApplyAdvanced", "Apply ControlNet", "conditioning/controlnet",
     "positive CONDITIONING; negative CONDITIONING; control_net CONTROL_NET; image IMAGE; "
     "strength FLOAT 1.0 0.0..10.0 step 0.01; start_percent FLOAT 0.0 0.0..1.0 step 0.001; "
     "end_percent FLOAT 1.0 0.0..1.0 step 0.001; ?vae VAE",
     "positive:CONDITIONING; negative:CONDITIONING"},
    {"EmptyLatentImage", "Empty Latent Image", "latent",
     "width INT 512 16..16384 step 8; height INT 512 16..16384 step 8; batch_size INT 1 1..4096", "LATENT"},
    {"LatentBatchSeedBehavior", "LatentBatchSeedBehavior", "latent/advanced",
     "samples LATENT; seed_behavior COMBO \"fixed\"", "LATENT"},
    {"RepeatLatentBatch", "Repeat Latent Batch", "latent/batch", "samples LATENT; amount INT 1 1..64", "LATENT"},
    {"LatentFromBatch", "Latent From Batch", "latent/batch",
     "samples LATENT; batch_index INT 0 0..63; length INT 1 1..64", "LATENT"},
    {"VAEDecode", "VAE Decode", "latent", "samples LATENT; vae VAE", "IMAGE"},
    {"VAEEncode", "VAE Encode", "latent", "pixels IMAGE; vae VAE", "LATENT"},
    {"DepthAnythingTensorrt", "Depth Anything Tensorrt", "tensorrt",
     "images IMAGE; engine COMBO models/depth-anything; ?normalisation COMBO \"per_frame\"", "IMAGE"},
    {"KSampler", "KSampler", "sampling",
     "model MODEL; seed INT 0 0..18446744073709551615; steps INT 20 1..10000; cfg FLOAT 8.0 0.0..100.0 step 0.1 round "
     "0.01; sampler_name COMBO; scheduler COMBO; positive CONDITIONING; negative CONDITIONING; latent_image LATENT; "
     "denoise FLOAT 1.0 0.0..1.0 step 0.01",
     "LATENT"},
};

INSTANTIATE_TEST_SUITE_P(Classes, NodeSpecs, ::testing::ValuesIn(kSpecs),
                         [](const auto& param) { return std::string(param.param.class_type); });

}  // namespace
}  // namespace comfystream::nodes
