// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/key_maps.hpp"
#include "comfystream/models/weights/key_maps/key_mapper.hpp"

namespace comfystream::weights {
namespace {

/// diffusers' "<half>.layers.<k>" as "<k + shift>".
WeightMap renumbered(const WeightMap& weights, const std::string& half, std::int64_t shift) {
  KeyMapper map(weights, "a TAESD " + half);
  const std::string layers = half + ".layers.";
  const std::int64_t count = weights.count_indexed(layers);
  for (std::int64_t i = 0; i < count; ++i) {
    map.subtree(layers + std::to_string(i) + ".", std::to_string(i + shift) + ".");
  }
  return map.take();
}

WeightMap convert(const WeightMap& weights, const std::string& half, const std::string& first, std::int64_t shift) {
  WeightMap plain = without_prefix(weights, {"taesd_" + half + ".", "vae."});
  if (plain.contains(first)) return plain;
  const std::string diffusers = half + ".layers.0.weight";
  if (!plain.contains(diffusers)) throw_wrong_layout(weights, "a TAESD " + half, {first, diffusers});
  return renumbered(plain, half, shift);
}

}  // namespace

WeightMap to_taesd_encoder_keys(const WeightMap& weights) { return convert(weights, "encoder", "0.weight", 0); }

// diffusers leaves out the clamp that is the decoder's layer 0.
WeightMap to_taesd_decoder_keys(const WeightMap& weights) { return convert(weights, "decoder", "1.weight", 1); }

}  // namespace comfystream::weights
