// SPDX-License-Identifier: Apache-2.0
#include "nodes/engine/static_trt_model_conversion.hpp"

#include "nodes/engine/conversion_inputs.hpp"
#include "nodes/engine/write_engine.hpp"

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "STATIC_TRT_MODEL_CONVERSION";
  spec.display_name = "STATIC TRT_MODEL CONVERSION";
  spec.category = "TensorRT";
  spec.description = "Writes an engine for one batch size and one picture size. It runs on every backend.";
  spec.python_module = "custom_nodes.ComfyUI_TensorRT";
  spec.inputs = {workflow::socket_input("model", "MODEL"),
                 workflow::string_input("filename_prefix", "tensorrt/ComfyUI_STAT"),
                 batch_input("batch_size_opt"),
                 size_input("height_opt"),
                 size_input("width_opt"),
                 context_input("context_opt"),
                 video_frames_input(),
                 onnx_path_input()};
  spec.output_node = true;
  return spec;
}

}  // namespace

STATIC_TRT_MODEL_CONVERSION::STATIC_TRT_MODEL_CONVERSION() : SpecNode(make_spec()) {}

void STATIC_TRT_MODEL_CONVERSION::trace(NodeContext& context) const {
  const auto fixed = [&](const char* name) {
    const std::int64_t value = context.integer(name);
    return engine::ProfileRange{value, value, value};
  };
  write_unet_engine(context, {fixed("batch_size_opt"), fixed("height_opt"), fixed("width_opt"), fixed("context_opt")},
                    true);
}

}  // namespace comfystream::nodes
