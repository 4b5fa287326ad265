// SPDX-License-Identifier: Apache-2.0
#include "nodes/sampling/latent_noise.hpp"

#include "comfystream/diffusion/noise.hpp"

#include <algorithm>
#include <vector>

namespace comfystream::nodes {
namespace {

/// Draws one row after the other from one generator and keeps those that `index` names.
Tensor noise_of_rows(std::uint64_t seed, const std::vector<std::int64_t>& index, const Shape& row) {
  const auto elements = static_cast<std::size_t>(row.elements());
  auto dims = row.dims();
  dims.front() = static_cast<std::int64_t>(index.size());
  Tensor noise(DType::kF32, Shape(std::move(dims)));
  const auto rows = noise.mutable_values<float>();
  diffusion::TorchGenerator generator(seed);
  std::vector<float> drawn(elements);
  for (std::int64_t i = 0; i <= std::ranges::max(index); ++i) {
    generator.fill_normal(drawn);
    for (std::size_t at = 0; at < index.size(); ++at) {
      if (index[at] == i) std::ranges::copy(drawn, rows.subspan(at * elements, elements).begin());
    }
  }
  return noise;
}

}  // namespace

graph::Value trace_noise(const workflow::NodeContext& context, const workflow::LatentValue& latent,
                         std::uint64_t seed) {
  const Shape row{1, kLatentChannels, latent.height, latent.width};
  if (!latent.batch_index.empty()) {
    auto index = latent.batch_index;
    const bool all_equal = std::ranges::all_of(index, [&](std::int64_t i) { return i == index.front(); });
    if (all_equal) index.resize(1);
    return context.live("noise", noise_of_rows(seed, index, row));
  }
  if (!latent.noise_per_slot) return context.live("noise", diffusion::torch_randn(seed, row));
  const bool of_slots = latent.rows == context.frames();
  const std::int64_t rows = of_slots ? context.max_batch() : latent.rows.count;
  Tensor noise = diffusion::torch_randn(seed, {rows, kLatentChannels, latent.height, latent.width});
  return of_slots ? context.live_rows("noise", std::move(noise)) : context.live("noise", std::move(noise));
}

}  // namespace comfystream::nodes
