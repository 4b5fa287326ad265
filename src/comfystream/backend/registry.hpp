// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/backend/backend.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace comfystream::backend {

struct BackendStatus {
  std::string name;
  bool available = false;
  std::string detail;  ///< device names when available, else why not and what would fix it
};

/// Every backend this program knows, built in or not, best first (cuda, openvino, reference).
[[nodiscard]] std::vector<BackendStatus> list_backends();

/// `name` is "auto" (the first available one) or a backend's name. Error(kUnsupported) with the reason otherwise.
/// `devices` are the numbers of the devices to share batches out to, each once; none: the backend's first. `precision`
/// is what values inside networks are stored as (cuda: f16 or bf16; the others: f32); none: the backend's first of
/// these.
[[nodiscard]] std::unique_ptr<Backend> make_backend(const std::string& name, std::span<const int> devices = {},
                                                    std::optional<DType> precision = std::nullopt);

/// "f16", "bf16" or "f32"; nothing for "auto". Error(kInvalidArgument) for anything else.
[[nodiscard]] std::optional<DType> parse_precision(const std::string& text);

/// See comfystream::make_device_gate().
[[nodiscard]] std::shared_ptr<DeviceGate> make_device_gate();

}  // namespace comfystream::backend
