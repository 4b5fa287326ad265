// SPDX-License-Identifier: Apache-2.0
// A models folder of deterministic random weights in real layouts, so that anyone can run and measure workflows without
// downloading anything.
#pragma once

#include "comfystream/tensor/dtype.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace comfystream::synth {

struct SynthRequest {
  std::string arch = "sd15-tiny";  ///< see model_files()
  std::string depth_arch{};        ///< by default the one that belongs to `arch`
  std::uint64_t seed = 0;
  DType dtype = DType::kF16;  ///< or kF32, kBF16
  std::filesystem::path folder;
  unsigned threads = 0;  ///< 0: all cores
  /// Called with the name of each file before it is written, from the calling thread.
  std::function<void(const std::string& path)> on_file{};
};

struct SynthFile {
  std::filesystem::path path;
  std::uint64_t bytes = 0;
};

/// Writes the files of `arch` under `folder`, replacing those of the same names; each appears whole or not at all. The
/// same request gives the same bytes on every machine, whatever the number of threads. Files of the same contents are
/// hard links where the file system has them. Error(kInvalidArgument) for unknown names, Error(kIo) as the writer's.
std::vector<SynthFile> synth_models(const SynthRequest& request);

}  // namespace comfystream::synth
