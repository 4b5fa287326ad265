// SPDX-License-Identifier: Apache-2.0
#include "nodes/latent/latent_from_batch.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

std::vector<std::int64_t> pick(const std::vector<std::int64_t>& index, std::int64_t begin, std::int64_t length) {
  std::vector<std::int64_t> picked;
  for (std::int64_t row = begin; row < begin + length; ++row) {
    picked.push_back(index.empty() ? row : index[static_cast<std::size_t>(row)]);
  }
  return picked;
}

/// Empty latents have the rows that their node asks for here: a row stands for the noise that it gets.
std::int64_t row_count(const workflow::LatentValue& latent) {
  return latent.samples || !latent.batch_index.empty() ? latent.rows.count : latent.declared_rows;
}

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "LatentFromBatch";
  spec.display_name = "Latent From Batch";
  spec.category = "latent/batch";
  spec.python_module = "nodes";
  spec.inputs = {workflow::socket_input("samples", "LATENT"), workflow::int_input("batch_index", 0, 0, 63),
                 workflow::int_input("length", 1, 1, 64)};
  spec.outputs = {{"LATENT", ""}};
  return spec;
}

}  // namespace

LatentFromBatch::LatentFromBatch() : SpecNode(make_spec()) {}

void LatentFromBatch::trace(NodeContext& context) const {
  auto latent = context.input<workflow::LatentValue>("samples");
  const std::int64_t rows = row_count(latent);
  const std::int64_t begin = std::min(rows - 1, context.integer("batch_index"));
  const std::int64_t length = std::min(rows - begin, context.integer("length"));
  if (latent.samples) latent.samples = context.builder().slice(*latent.samples, 0, begin, begin + length);
  latent.rows = length;
  latent.batch_index = pick(latent.batch_index, begin, length);
  context.set_output(0, std::move(latent));
}

}  // namespace comfystream::nodes
