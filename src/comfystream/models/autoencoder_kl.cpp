// SPDX-License-Identifier: Apache-2.0
// LDM's AutoencoderKL (ldm/modules/diffusionmodules/model.py), any size. Encoding takes the posterior's mean; ComfyUI
// draws a sample of it (docs/adr/0004-vae-encode-mean.md).
#include "comfystream/error.hpp"
#include "comfystream/models/blocks/multi_head.hpp"
#include "comfystream/models/blocks/resample.hpp"
#include "comfystream/models/blocks/resnet_block.hpp"
#include "comfystream/models/vae.hpp"
#include "comfystream/models/weights/key_maps.hpp"

namespace comfystream::models {

using graph::Value;

namespace {

constexpr float kScale = 0.18215F;  // SD 1.x: makes latents of about unit variance (Rombach et al. 2022)
constexpr float kEpsilon = 1e-6F;

/// Attention with one head as wide as the map has channels.
Value attention_block(const Module& block, Value x) {
  const auto scope = block.scope();
  auto& builder = block.builder();
  const Value tokens = to_tokens(builder, block.child("norm").group_norm(x, kEpsilon));
  const Value mixed = multi_head_attention(builder, block.child("q").linear(tokens), block.child("k").linear(tokens),
                                           block.child("v").linear(tokens), 1);
  return builder.add(x, to_map(builder, block.child("proj_out").linear(mixed), builder.shape(x)));
}

Value middle(const Module& mid, Value x) {
  x = resnet_block(mid.child("block_1"), x, std::nullopt, kVaeResnet);
  x = attention_block(mid.child("attn_1"), x);
  return resnet_block(mid.child("block_2"), x, std::nullopt, kVaeResnet);
}

Value level(const Module& part, Value x) {
  if (part.has("attn.0.norm.weight")) {
    throw Error(ErrorCode::kUnsupported, "the VAE has attention in " + part.prefix() + ": not an SD 1.x VAE");
  }
  const std::int64_t blocks = part.count("block");
  for (std::int64_t i = 0; i < blocks; ++i) {
    x = resnet_block(part.child("block").child(i), x, std::nullopt, kVaeResnet);
  }
  return x;
}

/// Halves the size; padded below and to the right only.
Value downsample(const Module& conv, Value x) {
  const auto scope = conv.scope();
  return conv.conv(x, {.stride_h = 2, .stride_w = 2, .pad_bottom = 1, .pad_right = 1});
}

Value outlet(const Module& half, Value x) {
  const auto scope = half.scope();
  return half.child("conv_out").conv(half.builder().silu(half.child("norm_out").group_norm(x, kEpsilon)));
}

class AutoencoderKl final : public Vae {
 public:
  explicit AutoencoderKl(const weights::WeightMap& weights) : weights_(weights::to_ldm_vae_keys(weights)) {
    levels_ = std::max(weights_.count_indexed("decoder.up."), weights_.count_indexed("encoder.down."));
  }

  Value decode(graph::Builder& builder, Value latent) const override;
  Value encode(graph::Builder& builder, Value picture) const override;
  [[nodiscard]] std::int64_t downscale() const override { return std::int64_t{1} << (levels_ - 1); }

 private:
  weights::WeightMap weights_;
  std::int64_t levels_ = 0;
};

Value AutoencoderKl::decode(graph::Builder& builder, Value latent) const {
  const Module vae(builder, weights_);
  const Module half = vae.child("decoder");
  Value x = builder.div(latent, kScale);
  if (vae.has("post_quant_conv.weight")) x = vae.child("post_quant_conv").conv(x);
  x = middle(half.child("mid"), half.child("conv_in").conv(x));
  for (std::int64_t i = levels_ - 1; i >= 0; --i) {
    const Module part = half.child("up").child(i);
    x = level(part, x);
    if (i > 0) x = upsample_twice(part.child("upsample.conv"), x);
  }
  return builder.clamp(builder.div(builder.add(outlet(half, x), 1.0F), 2.0F), 0.0F, 1.0F);
}

Value AutoencoderKl::encode(graph::Builder& builder, Value picture) const {
  const Module vae(builder, weights_);
  const Module half = vae.child("encoder");
  Value x = builder.add(builder.mul(picture, 2.0F), -1.0F);
  x = half.child("conv_in").conv(x);
  for (std::int64_t i = 0; i < levels_; ++i) {
    const Module part = half.child("down").child(i);
    x = level(part, x);
    if (i + 1 < levels_) x = downsample(part.child("downsample.conv"), x);
  }
  x = outlet(half, middle(half.child("mid"), x));
  if (vae.has("quant_conv.weight")) x = vae.child("quant_conv").conv(x);
  const std::int64_t channels = builder.shape(x)[1].count / 2;  // the mean, then the log of the variance
  return builder.mul(builder.slice(x, 1, 0, channels), kScale);
}

}  // namespace

std::unique_ptr<Vae> make_autoencoder_kl(const weights::WeightMap& weights) {
  return std::make_unique<AutoencoderKl>(weights);
}

}  // namespace comfystream::models
