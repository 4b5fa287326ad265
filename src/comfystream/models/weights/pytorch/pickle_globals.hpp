// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/weights/pytorch/pickle_value.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace comfystream::weights::pickle {

/// The global that a pickle may name as `module` and `name`; nothing for every other, which is then refused.
[[nodiscard]] std::optional<Global> find_global(std::string_view module, std::string_view name) noexcept;

/// The safetensors word for a storage's element type ("F32"); empty when the global is no storage.
[[nodiscard]] std::string_view storage_word(Global global) noexcept;

}  // namespace comfystream::weights::pickle
