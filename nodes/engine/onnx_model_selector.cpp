// SPDX-License-Identifier: Apache-2.0
#include "nodes/engine/onnx_model_selector.hpp"

namespace comfystream::nodes {
namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "ONNXModelSelector";
  spec.display_name = "Select ONNX Model";
  spec.category = "TensorRT";
  spec.description = "Names an ONNX file. Engines are built from checkpoints here, so it is not read.";
  spec.python_module = "custom_nodes.ComfyUI_TensorRT";
  // A list of files there; any name here, since the file is neither needed nor looked for.
  spec.inputs = {workflow::string_input("model_name", "")};
  spec.outputs = {{"STRING", "model_path"}, {"STRING", "model_name"}};
  return spec;
}

}  // namespace

ONNXModelSelector::ONNXModelSelector() : SpecNode(make_spec()) {}

void ONNXModelSelector::trace(workflow::NodeContext& context) const {
  const std::string name = context.text("model_name");
  context.set_output(0, workflow::StringValue{name});
  context.set_output(1, workflow::StringValue{name});
}

}  // namespace comfystream::nodes
