// SPDX-License-Identifier: Apache-2.0
// https://github.com/huggingface/safetensors: 8 bytes of header length, a JSON header, the values.
#pragma once

#include "comfystream/models/weights/mapped_file.hpp"
#include "comfystream/models/weights/weight_map.hpp"

namespace comfystream::weights {

/// The tensors of a mapped safetensors file, without a copy. F64 is converted to F32 (new memory); dtypes that we do
/// not have (F8, I8, I16, U16, U32, U64) become unsupported entries, an error only when such a tensor is asked for.
/// Error(kCorruptFile) as parse_safetensors_header says.
[[nodiscard]] WeightMap read_safetensors(const std::shared_ptr<const MappedFile>& file);

}  // namespace comfystream::weights
