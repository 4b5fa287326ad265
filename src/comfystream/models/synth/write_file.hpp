// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/synth/model_files.hpp"
#include "comfystream/tensor/dtype.hpp"

#include <cstdint>
#include <filesystem>

namespace comfystream::synth {

/// Writes the weights of one file at `path`, its tensors shared out among `threads` (at least 1). Memory is that of one
/// tensor a thread. Errors of writing are the writer's; the file then does not appear.
void write_model_file(const ModelFile& file, const std::filesystem::path& path, std::uint64_t seed, DType dtype,
                      unsigned threads);

}  // namespace comfystream::synth
