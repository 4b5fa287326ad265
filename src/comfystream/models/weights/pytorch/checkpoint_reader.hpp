// SPDX-License-Identifier: Apache-2.0
// PyTorch checkpoints: .pth, .pt, .ckpt and .bin files as torch.save has written them since PyTorch 1.6.
#pragma once

#include "comfystream/models/weights/mapped_file.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <memory>

namespace comfystream::weights {

/// The tensors of a zip checkpoint, in place where they are contiguous, as a contiguous copy where they are strided.
/// Nothing is executed: see pickle_machine.hpp. The root must be a dictionary; where it has a "state_dict" (Lightning),
/// that one is read, and where it has "params_ema" or "params" alone, those. Values that are no tensors are left out.
/// Nested dictionaries' tensors are named "outer.inner". F64 is converted to F32; element types that we do not have
/// become unsupported entries. Error(kUnsupported) for anything but tensors, containers and scalars, naming it; for a
/// torch.save of a TensorRT engine, saying so. Error(kCorruptFile) where archive, pickle and sizes contradict each
/// other.
[[nodiscard]] WeightMap read_pytorch_checkpoint(std::shared_ptr<const MappedFile> file);

}  // namespace comfystream::weights
