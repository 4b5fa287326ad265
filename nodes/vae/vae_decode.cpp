// SPDX-License-Identifier: Apache-2.0
#include "nodes/vae/vae_decode.hpp"

#include "nodes/vae/require_vae.hpp"

#include <cstdint>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

constexpr std::int64_t kLatentChannels = 4;

graph::Value zeros(graph::Builder& builder, const workflow::LatentValue& latent) {
  const graph::Value zero = builder.constant(Tensor(DType::kF32, {1, 1, 1, 1}));
  return builder.expand(zero, {1, kLatentChannels, latent.height, latent.width});
}

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "VAEDecode";
  spec.display_name = "VAE Decode";
  spec.category = "latent";
  spec.description = "Decodes latents to pixels.";
  spec.python_module = "nodes";
  spec.inputs = {workflow::socket_input("samples", "LATENT"), workflow::socket_input("vae", "VAE")};
  spec.outputs = {{"IMAGE", ""}};
  return spec;
}

}  // namespace

VAEDecode::VAEDecode() : SpecNode(make_spec()) {}

void VAEDecode::trace(NodeContext& context) const {
  const auto& latent = context.input<workflow::LatentValue>("samples");
  const auto& vae = context.input<workflow::VaeValue>("vae");
  require_vae(vae);
  auto& builder = context.builder();
  const graph::Value picture = vae.vae->decode(builder, latent.samples ? *latent.samples : zeros(builder, latent));
  context.set_output(0, workflow::ImageValue{builder.transpose(picture, {0, 2, 3, 1})});
}

}  // namespace comfystream::nodes
