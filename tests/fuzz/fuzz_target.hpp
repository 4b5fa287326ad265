// SPDX-License-Identifier: Apache-2.0
// What a fuzz target gives to the driver (main.cpp): seeds to start from, and one input's check. The check is
// libFuzzer's, so that a target can be linked with it as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace comfystream::fuzz {

using Bytes = std::vector<std::uint8_t>;

/// Valid inputs of the target; mutations of them get past the first checks. At least one.
[[nodiscard]] std::vector<Bytes> seeds();

[[nodiscard]] inline Bytes to_bytes(const std::string& text) { return {text.begin(), text.end()}; }
/// A whole file; throws std::runtime_error when it cannot be read.
[[nodiscard]] Bytes read_file(const std::filesystem::path& path);

}  // namespace comfystream::fuzz
