// SPDX-License-Identifier: Apache-2.0
// Which files a set of synthetic models is made of, as ComfyUI's models folder has them.
#pragma once

#include "comfystream/models/engine/profile.hpp"
#include "comfystream/models/synth/gains.hpp"
#include "comfystream/tensor/shape.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace comfystream::synth {

struct FileTensor {
  Part part;
  std::string name;    ///< the part's own, which the values come from
  std::size_t prefix;  ///< index in ModelFile::prefixes
  Shape shape;
};

/// An engine to be built from a model file.
struct EngineFile {
  std::string path;
  engine::EngineProfile profile;
  std::vector<std::string> copies;  ///< other names of the same file
};

/// One file of weights and what else is made of it. Paths are relative to the models folder.
struct ModelFile {
  std::string path;
  std::vector<std::string> prefixes;  ///< of names in the file
  std::vector<FileTensor> tensors;
  std::vector<EngineFile> engines;
  std::vector<std::string> copies;  ///< other names of the same file

  [[nodiscard]] std::string name_in_file(const FileTensor& tensor) const {
    return prefixes[tensor.prefix] + tensor.name;
  }
};

/// The files of `arch`: "sd15" or "sd15-tiny" (everything that the workflows load, with the depth network `depth_arch`,
/// by default the large one or the tiny one), one of their parts ("sd15-unet", "-clip", "-controlnet", "-vae",
/// "-taesd",
/// "-checkpoint"), or a depth network ("depth-anything-v2-large", "-base", "-small", "-tiny").
/// Error(kInvalidArgument) lists the names.
[[nodiscard]] std::vector<ModelFile> model_files(std::string_view arch, std::string_view depth_arch = {});

/// The names that model_files() takes.
[[nodiscard]] std::vector<std::string> arch_names();

}  // namespace comfystream::synth
