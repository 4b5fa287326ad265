// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/synth/gains.hpp"

#include "comfystream/models/weights/synth_values.hpp"

#include <array>

namespace comfystream::synth {
namespace {

// Found on pictures of 128 and 256 pixels, seeds 0 to 3, both sizes of Stable Diffusion: one step from noise and two
// steps of half the noise. In the order of the data.
constexpr std::array kGains = {
    // Depth follows the picture, not the place, and stays above 0, where the network's ReLU would cut it off.
    Gain{Part::kDepth, "pos_embed", "", 0.1F, 0.0F},
    Gain{Part::kDepth, "patch_embed.proj", "weight", 4.0F, 0.0F},
    Gain{Part::kDepth, "", "gamma", 1.0F, -0.8F},
    Gain{Part::kDepth, "output_conv2.2", "bias", 1.0F, 3.0F},
    // Words tell texts apart, also for the tokens after them.
    Gain{Part::kClipText, "token_embedding", "", 2.0F, 0.0F},
    Gain{Part::kClipText, "_proj", "weight", 2.0F, 0.0F},
    // Latents of about 1 out of pictures.
    Gain{Part::kTaesdEncoder, "14.", "weight", 14.0F, 0.0F},
    Gain{Part::kVae, "encoder.conv_out", "weight", 6.0F, 0.0F},
    // The hint is louder than the noise, and the residuals louder than what they are added to. Its first seven
    // convolutions stay where SiLU is nearly linear: louder ones would grow or fade by seed, a hundredfold.
    Gain{Part::kControlNet, "input_hint_block", "bias", 0.1F, 0.0F},
    Gain{Part::kControlNet, "input_hint_block.14.", "weight", 2500.0F, 0.0F},
    Gain{Part::kControlNet, "attn2.to_q", "weight", 2.0F, 0.0F},
    Gain{Part::kControlNet, "attn2.to_k", "weight", 2.0F, 0.0F},
    Gain{Part::kControlNet, "attn2.to_v", "weight", 6.0F, 0.0F},
    Gain{Part::kControlNet, "attn2.to_out.0", "weight", 3.0F, 0.0F},
    Gain{Part::kControlNet, "zero_convs", "", 8.0F, 0.0F},
    Gain{Part::kControlNet, "middle_block_out", "", 8.0F, 0.0F},
    // The prompt is loud in attention, and eps louder than the noise it is taken from.
    Gain{Part::kUNet, "attn2.to_q", "weight", 2.0F, 0.0F},
    Gain{Part::kUNet, "attn2.to_k", "weight", 2.0F, 0.0F},
    Gain{Part::kUNet, "attn2.to_v", "weight", 6.0F, 0.0F},
    Gain{Part::kUNet, "attn2.to_out.0", "weight", 3.0F, 0.0F},
    Gain{Part::kUNet, "out.2.", "weight", 8.0F, 0.0F},
    // Pictures around a middle grey, nearly all of them inside 0..1.
    Gain{Part::kTaesdDecoder, "conv.4.", "weight", 0.5F, 0.0F},
    Gain{Part::kTaesdDecoder, "19.", "weight", 0.4F, 0.0F},
    Gain{Part::kTaesdDecoder, "19.", "bias", 1.0F, 0.5F},
    Gain{Part::kVae, "decoder.conv_out", "weight", 0.35F, 0.0F},
};

}  // namespace

std::span<const Gain> gain_table() noexcept { return kGains; }

Gain find_gain(Part part, std::string_view name) noexcept {
  for (const Gain& gain : kGains) {
    const bool fits = gain.part == part && name.find(gain.pattern) != std::string_view::npos;
    if (fits && name.ends_with(gain.ending)) return gain;
  }
  return {part, {}, {}, 1.0F, 0.0F};
}

void fill_part_values(Part part, std::string_view name, const Shape& shape, std::uint64_t seed, std::uint64_t first,
                      std::span<float> values) {
  const Gain gain = find_gain(part, name);
  weights::fill_synth_values(name, shape, weights::guess_synth_kind(name, shape), seed, gain.gain, first, values);
  if (gain.offset == 0.0F) return;
  for (float& value : values) value += gain.offset;
}

}  // namespace comfystream::synth
