// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace comfystream {

/// Semantic version of this library; CMake's project version is the same (a test compares them).
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace comfystream
