// SPDX-License-Identifier: Apache-2.0
#include "nodes/latent/repeat_latent_batch.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

/// Copies count on behind the largest index, so that each has noise of its own.
void repeat_index(std::vector<std::int64_t>& index, std::int64_t amount) {
  if (index.empty()) return;
  const auto [lowest, highest] = std::ranges::minmax(index);
  const std::int64_t offset = highest - lowest + 1;
  const std::size_t count = index.size();
  for (std::int64_t copy = 1; copy < amount; ++copy) {
    for (std::size_t i = 0; i < count; ++i) index.push_back(index[i] + copy * offset);
  }
}

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "RepeatLatentBatch";
  spec.display_name = "Repeat Latent Batch";
  spec.category = "latent/batch";
  spec.python_module = "nodes";
  spec.inputs = {workflow::socket_input("samples", "LATENT"), workflow::int_input("amount", 1, 1, 64)};
  spec.outputs = {{"LATENT", ""}};
  return spec;
}

}  // namespace

RepeatLatentBatch::RepeatLatentBatch() : SpecNode(make_spec()) {}

void RepeatLatentBatch::trace(NodeContext& context) const {
  auto latent = context.input<workflow::LatentValue>("samples");
  const auto amount = context.integer("amount");
  latent.declared_rows *= amount;
  if (latent.samples) {
    const std::vector<graph::Value> copies(static_cast<std::size_t>(amount), *latent.samples);
    latent.samples = context.builder().concat(copies, 0);
    latent.rows = context.builder().shape(*latent.samples)[0];
  } else if (!latent.batch_index.empty()) {
    latent.rows.count *= amount;
  } else if (amount > 1) {
    context.note("empty latents have one row for each frame already");
  }
  repeat_index(latent.batch_index, amount);
  context.set_output(0, std::move(latent));
}

}  // namespace comfystream::nodes
