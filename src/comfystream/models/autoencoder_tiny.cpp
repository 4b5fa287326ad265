// SPDX-License-Identifier: Apache-2.0
// TAESD (github.com/madebyollin/taesd; diffusers' AutoencoderTiny), any size. Its latents are the sampler's own:
// ComfyUI's VAE nodes multiply by 0.18215 on the way into the decoder what leaves the sampler divided by it, so no
// factor is left here. Its pictures are 0..1; ComfyUI's detour over -1..1 changes nothing but the last bit.
#include "comfystream/error.hpp"
#include "comfystream/models/blocks/module.hpp"
#include "comfystream/models/blocks/resample.hpp"
#include "comfystream/models/vae.hpp"
#include "comfystream/models/weights/key_maps.hpp"

namespace comfystream::models {

using graph::Value;

namespace {

Value block(const Module& part, Value x) {
  const auto scope = part.scope();
  auto& builder = part.builder();
  const Module conv = part.child("conv");
  Value h = builder.relu(conv.child("0").conv(x));
  h = builder.relu(conv.child("2").conv(h));
  h = conv.child("4").conv(h);
  const Module skip = part.child("skip");
  return builder.relu(builder.add(h, skip.has("weight") ? skip.conv(x) : x));
}

/// How many entries the sequence has: one more than the largest index that has weights.
std::int64_t length(const weights::WeightMap& half) { return half.count_indexed(""); }

class AutoencoderTiny final : public Vae {
 public:
  AutoencoderTiny(const weights::WeightMap& encoder, const weights::WeightMap& decoder) {
    if (!encoder.tensors().empty()) encoder_ = weights::to_taesd_encoder_keys(encoder);
    if (!decoder.tensors().empty()) decoder_ = weights::to_taesd_decoder_keys(decoder);
  }

  Value decode(graph::Builder& builder, Value latent) const override;
  Value encode(graph::Builder& builder, Value picture) const override;
  [[nodiscard]] std::int64_t downscale() const override { return 8; }

 private:
  weights::WeightMap encoder_;
  weights::WeightMap decoder_;
};

[[noreturn]] void throw_missing_half(const char* half) {
  throw Error(ErrorCode::kNotFound, std::string("the TAESD ") + half + " is not loaded",
              std::string("put taesd_") + half + ".safetensors into models/vae_approx");
}

Value AutoencoderTiny::decode(graph::Builder& builder, Value latent) const {
  if (decoder_.tensors().empty()) throw_missing_half("decoder");
  const Module half(builder, decoder_);
  const std::int64_t count = length(decoder_);
  Value x = builder.mul(builder.tanh(builder.div(latent, 3.0F)), 3.0F);
  for (std::int64_t i = 1; i < count; ++i) {
    const Module part = half.child(i);
    if (part.has("conv.0.weight")) {
      x = block(part, x);
    } else if (i == 2) {
      x = builder.relu(x);
    } else if (part.has("weight") && !part.has("bias")) {
      x = upsample_twice(part, x);  // the entry before it, which has no weights
    } else if (part.has("weight")) {
      x = part.conv(x);
    }
  }
  return builder.clamp(x, 0.0F, 1.0F);
}

Value AutoencoderTiny::encode(graph::Builder& builder, Value picture) const {
  if (encoder_.tensors().empty()) throw_missing_half("encoder");
  const Module half(builder, encoder_);
  const std::int64_t count = length(encoder_);
  Value x = picture;
  for (std::int64_t i = 0; i < count; ++i) {
    const Module part = half.child(i);
    const bool halves = !part.has("bias");  // only the convolutions that halve the size have none
    x = part.has("conv.0.weight") ? block(part, x) : part.conv(x, halves ? 2 : 1);
  }
  return x;
}

}  // namespace

std::unique_ptr<Vae> make_autoencoder_tiny(const weights::WeightMap& encoder, const weights::WeightMap& decoder) {
  return std::make_unique<AutoencoderTiny>(encoder, decoder);
}

}  // namespace comfystream::models
