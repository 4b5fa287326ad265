// SPDX-License-Identifier: Apache-2.0
#include "nodes/loaders/unet_loader.hpp"

#include "comfystream/error.hpp"

#include <string>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "UNETLoader";
  spec.display_name = "Load Diffusion Model";
  spec.category = "advanced/loaders";
  spec.python_module = "nodes";
  spec.inputs = {workflow::file_input("unet_name", "unet"),
                 workflow::combo_input("weight_dtype", {"default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"})};
  spec.outputs = {{"MODEL", ""}};
  return spec;
}

}  // namespace

UNETLoader::UNETLoader() : SpecNode(make_spec()) {}

void UNETLoader::trace(NodeContext& context) const {
  const std::string dtype = context.text("weight_dtype");
  if (dtype != "default") {
    throw Error(ErrorCode::kUnsupported, "weight_dtype '" + dtype + "' is not supported", "choose 'default'");
  }
  context.set_output(0, context.models().unet(context.text("unet_name")));
}

}  // namespace comfystream::nodes
