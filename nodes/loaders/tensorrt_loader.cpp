// SPDX-License-Identifier: Apache-2.0
#include "nodes/loaders/tensorrt_loader.hpp"

#include "comfystream/error.hpp"

#include <string>
#include <utility>
#include <vector>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

/// Those of ComfyUI_TensorRT, then those of the fork.
std::vector<std::string> model_types() {
  return {"sdxl_base",   "sdxl_refiner", "sd1.x", "sd2.x-768v", "svd",         "sd3",          "auraflow",
          "flux_dev",    "flux_schnell", "SD15",  "SD20",       "SD21UnclipL", "SD21UnclipH",  "SDXL_instructpix2pix",
          "SDXLRefiner", "SDXL",         "SSD1B", "KOALA_700M", "KOALA_1B",    "Segmind_Vega", "SVD_img2vid",
          "SD3",         "AuraFlow",     "Flux",  "FluxSchnell"};
}

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "TensorRTLoader";
  spec.display_name = "TensorRT Loader";
  spec.category = "TensorRT";
  spec.python_module = "custom_nodes.ComfyUI_TensorRT";
  spec.inputs = {workflow::file_input("unet_name", "tensorrt"), workflow::combo_input("model_type", model_types())};
  spec.outputs = {{"MODEL", ""}};
  return spec;
}

}  // namespace

TensorRTLoader::TensorRTLoader() : SpecNode(make_spec()) {}

void TensorRTLoader::trace(NodeContext& context) const {
  const std::string type = context.text("model_type");
  if (type != "SD15" && type != "sd1.x") {
    throw Error(ErrorCode::kUnsupported, "models of type '" + type + "' are not supported",
                "choose 'SD15' (or 'sd1.x')");
  }
  auto model = context.models().engine(context.text("unet_name"));
  context.limit_batch("engine '" + model.name + "'", model.profile->batch.min, model.profile->batch.max);
  context.set_output(0, std::move(model));
}

}  // namespace comfystream::nodes
