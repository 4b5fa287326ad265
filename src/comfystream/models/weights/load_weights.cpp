// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/foreign_file.hpp"
#include "comfystream/models/weights/mapped_file.hpp"
#include "comfystream/models/weights/pytorch/checkpoint_reader.hpp"
#include "comfystream/models/weights/safetensors/reader.hpp"
#include "comfystream/models/weights/weight_map.hpp"

namespace comfystream::weights {

WeightMap load_weights(const std::filesystem::path& path) { return load_weights(MappedFile::open(path)); }

WeightMap load_weights(std::shared_ptr<const MappedFile> file) {
  const std::filesystem::path path = file->path();
  switch (file_format(*file)) {
    case FileFormat::kSafetensors:
      return read_safetensors(std::move(file));
    case FileFormat::kPyTorchZip:
      return read_pytorch_checkpoint(std::move(file));
    case FileFormat::kTensorRtPlan:
      throw_tensorrt_plan(path);
    case FileFormat::kUnknown:
      break;
  }
  throw_unknown_file(path);
}

}  // namespace comfystream::weights
