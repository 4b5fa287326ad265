// SPDX-License-Identifier: Apache-2.0
#include "nodes/model_patches/feature_bank_attention_processor.hpp"

#include "comfystream/error.hpp"

namespace comfystream::nodes {
namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "FeatureBankAttentionProcessor";
  spec.display_name = "Feature Bank Attention Processor";
  spec.category = "StreamPack/model_patches/unet";
  spec.description = "Passes its model on; only with use_feature_injection off.";
  spec.python_module = "custom_nodes.ComfyUI-Stream-Pack";
  spec.inputs = {workflow::socket_input("model", "MODEL"),
                 workflow::bool_input("use_feature_injection", true),
                 workflow::float_input("feature_injection_strength", 0.8, 0.0, 1.0, 0.01),
                 workflow::float_input("feature_similarity_threshold", 0.98, 0.0, 1.0, 0.01),
                 workflow::int_input("feature_cache_interval", 4, 1, 64, 1),
                 workflow::int_input("feature_bank_max_frames", 4, 1, 16, 1)};
  spec.outputs = {{"MODEL", ""}};
  return spec;
}

}  // namespace

FeatureBankAttentionProcessor::FeatureBankAttentionProcessor() : SpecNode(make_spec()) {}

void FeatureBankAttentionProcessor::trace(workflow::NodeContext& context) const {
  if (context.flag("use_feature_injection")) {
    throw Error(ErrorCode::kUnsupported,
                "reusing the features of earlier frames is not something that this program does",
                "set use_feature_injection to false");
  }
  context.set_output(0, context.input<workflow::ModelValue>("model"));
}

}  // namespace comfystream::nodes
