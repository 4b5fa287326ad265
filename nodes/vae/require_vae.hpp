// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/error.hpp"
#include "comfystream/workflow/values.hpp"

namespace comfystream::nodes {

/// Error(kValidation) for the VAE output of a checkpoint without one.
inline void require_vae(const workflow::VaeValue& vae) {
  if (vae.vae != nullptr) return;
  throw Error(ErrorCode::kValidation, "'" + vae.name + "' has no VAE", "load one with VAELoader");
}

}  // namespace comfystream::nodes
