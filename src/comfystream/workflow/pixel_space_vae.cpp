// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/pixel_space_vae.hpp"

namespace comfystream::workflow {
namespace {

using graph::Builder;
using graph::Value;

constexpr float kLatentScale = 0.18215F;  // SD 1.x: what a sampler's latents are multiplied by (models::Vae)

class PixelSpaceVae final : public models::Vae {
 public:
  Value decode(Builder& builder, Value latent) const override {
    const Value picture = builder.add(builder.mul(latent, 0.5F / kLatentScale), 0.5F);
    return builder.clamp(picture, 0.0F, 1.0F);
  }
  Value encode(Builder& builder, Value picture) const override {
    return builder.mul(builder.add(builder.mul(picture, 2.0F), -1.0F), kLatentScale);
  }
  [[nodiscard]] std::int64_t downscale() const override { return 1; }
};

}  // namespace

std::shared_ptr<const models::Vae> make_pixel_space_vae() { return std::make_shared<PixelSpaceVae>(); }

}  // namespace comfystream::workflow
