// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/backend/backend.hpp"

#include <memory>
#include <span>
#include <vector>

namespace comfystream::backend {

/// Plain loops on the host, one op after the other, in f32: the definition of every operation. Slow and obvious.
[[nodiscard]] std::unique_ptr<Backend> make_reference_backend();

}  // namespace comfystream::backend
