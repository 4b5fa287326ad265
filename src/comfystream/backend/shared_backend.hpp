// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/backend/backend.hpp"

#include <memory>
#include <vector>

namespace comfystream::backend {

/// Several devices as one: a graph is compiled on each, one after the other (the first one's measurements serve the
/// others), and the slots of its executable are made on the devices in turn, so that batches in flight run on all of
/// them. Parameters go to every device. `devices` holds one usable backend for each, at least one.
[[nodiscard]] std::unique_ptr<Backend> share_backends(std::vector<std::unique_ptr<Backend>> devices);

}  // namespace comfystream::backend
