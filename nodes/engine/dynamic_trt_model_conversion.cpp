// SPDX-License-Identifier: Apache-2.0
#include "nodes/engine/dynamic_trt_model_conversion.hpp"

#include "nodes/engine/conversion_inputs.hpp"
#include "nodes/engine/write_engine.hpp"

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "DYNAMIC_TRT_MODEL_CONVERSION";
  spec.display_name = "DYNAMIC TRT_MODEL CONVERSION";
  spec.category = "TensorRT";
  spec.description = "Writes an engine for a range of sizes. It runs on every backend.";
  spec.python_module = "custom_nodes.ComfyUI_TensorRT";
  spec.inputs = {workflow::socket_input("model", "MODEL"),
                 workflow::string_input("filename_prefix", "tensorrt/ComfyUI_DYN")};
  for (const char* name : {"batch_size_min", "batch_size_opt", "batch_size_max"}) {
    spec.inputs.push_back(batch_input(name));
  }
  for (const char* name : {"height_min", "height_opt", "height_max", "width_min", "width_opt", "width_max"}) {
    spec.inputs.push_back(size_input(name));
  }
  for (const char* name : {"context_min", "context_opt", "context_max"}) spec.inputs.push_back(context_input(name));
  spec.inputs.push_back(video_frames_input());
  spec.inputs.push_back(onnx_path_input());
  spec.output_node = true;
  return spec;
}

}  // namespace

DYNAMIC_TRT_MODEL_CONVERSION::DYNAMIC_TRT_MODEL_CONVERSION() : SpecNode(make_spec()) {}

void DYNAMIC_TRT_MODEL_CONVERSION::trace(NodeContext& context) const {
  const auto range = [&](const std::string& name) {
    return engine::ProfileRange{context.integer(name + "_min"), context.integer(name + "_opt"),
                                context.integer(name + "_max")};
  };
  write_unet_engine(context, {range("batch_size"), range("height"), range("width"), range("context")}, false);
}

}  // namespace comfystream::nodes
