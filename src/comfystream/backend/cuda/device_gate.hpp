// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/device.hpp"

namespace comfystream::backend {

/// The gate for NVIDIA's cards. It makes a stream on a card when the first picture there comes.
[[nodiscard]] std::shared_ptr<DeviceGate> make_cuda_gate();

}  // namespace comfystream::backend
