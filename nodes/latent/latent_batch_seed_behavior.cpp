// SPDX-License-Identifier: Apache-2.0
#include "nodes/latent/latent_batch_seed_behavior.hpp"

#include <cstdint>
#include <utility>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "LatentBatchSeedBehavior";
  spec.display_name = "LatentBatchSeedBehavior";
  spec.category = "latent/advanced";
  spec.python_module = "comfy_extras.nodes_latent";
  spec.inputs = {workflow::socket_input("samples", "LATENT"),
                 workflow::combo_input("seed_behavior", {"random", "fixed"}, "fixed")};
  spec.outputs = {{"LATENT", ""}};
  return spec;
}

}  // namespace

LatentBatchSeedBehavior::LatentBatchSeedBehavior() : SpecNode(make_spec()) {}

void LatentBatchSeedBehavior::trace(NodeContext& context) const {
  auto latent = context.input<workflow::LatentValue>("samples");
  latent.noise_per_slot = context.text("seed_behavior") == "random";
  if (latent.noise_per_slot) {
    latent.batch_index.clear();
  } else if (!latent.rows.batch) {
    const std::int64_t first = latent.batch_index.empty() ? 0 : latent.batch_index.front();
    latent.batch_index.assign(static_cast<std::size_t>(latent.rows.count), first);
  }
  context.set_output(0, std::move(latent));
}

}  // namespace comfystream::nodes
