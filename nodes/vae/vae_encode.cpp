// SPDX-License-Identifier: Apache-2.0
#include "nodes/vae/vae_encode.hpp"

#include "comfystream/error.hpp"
#include "nodes/vae/require_vae.hpp"

#include <cstdint>
#include <utility>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

constexpr std::int64_t kColours = 3;

/// The middle of `axis` as long as `multiple` divides it.
graph::Value cut_to_multiple(graph::Builder& builder, graph::Value picture, std::size_t axis, std::int64_t multiple) {
  const std::int64_t size = builder.shape(picture)[axis].count;
  const std::int64_t rest = size % multiple;
  if (rest == 0) return picture;
  if (size < multiple) {
    throw Error(ErrorCode::kInvalidArgument, "pictures of " + builder.shape(picture).to_string() +
                                                 " are smaller than " + std::to_string(multiple) + " pixels");
  }
  return builder.slice(picture, static_cast<std::int64_t>(axis), rest / 2, rest / 2 + size - rest);
}

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "VAEEncode";
  spec.display_name = "VAE Encode";
  spec.category = "latent";
  spec.description = "Encodes pixels to latents.";
  spec.python_module = "nodes";
  spec.inputs = {workflow::socket_input("pixels", "IMAGE"), workflow::socket_input("vae", "VAE")};
  spec.outputs = {{"LATENT", ""}};
  return spec;
}

}  // namespace

VAEEncode::VAEEncode() : SpecNode(make_spec()) {}

void VAEEncode::trace(NodeContext& context) const {
  const auto& vae = context.input<workflow::VaeValue>("vae");
  require_vae(vae);
  auto& builder = context.builder();
  graph::Value picture = builder.transpose(context.input<workflow::ImageValue>("pixels").value, {0, 3, 1, 2});
  if (builder.shape(picture)[1].count > kColours) picture = builder.slice(picture, 1, 0, kColours);
  const auto multiple = vae.vae->downscale();
  picture = cut_to_multiple(builder, cut_to_multiple(builder, picture, 2, multiple), 3, multiple);
  const graph::Value samples = vae.vae->encode(builder, picture);
  const auto& shape = builder.shape(samples);
  workflow::LatentValue latent;
  latent.samples = samples;
  latent.rows = shape[0];
  latent.height = shape[2].count;
  latent.width = shape[3].count;
  context.set_output(0, std::move(latent));
}

}  // namespace comfystream::nodes
