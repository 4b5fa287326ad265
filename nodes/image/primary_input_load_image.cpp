// SPDX-License-Identifier: Apache-2.0
#include "nodes/image/primary_input_load_image.hpp"

namespace comfystream::nodes {
namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec = LoadImage().spec();
  spec.class_type = "PrimaryInputLoadImage";
  spec.display_name = "";
  spec.description = "The picture that is the live input when the workflow runs on a stream.";
  spec.python_module = "custom_nodes.comfystream";
  return spec;
}

}  // namespace

PrimaryInputLoadImage::PrimaryInputLoadImage() : LoadImage(make_spec()) {}

}  // namespace comfystream::nodes
