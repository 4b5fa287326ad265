// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/vae.hpp"

#include <memory>

namespace comfystream::workflow {

/// ComfyUI's "pixel_space": the latent is the picture itself, brought to -1..1 and scaled like any other latent.
[[nodiscard]] std::shared_ptr<const models::Vae> make_pixel_space_vae();

}  // namespace comfystream::workflow
