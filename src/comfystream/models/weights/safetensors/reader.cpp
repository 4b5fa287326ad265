// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/safetensors/reader.hpp"

#include "comfystream/models/weights/convert.hpp"
#include "comfystream/models/weights/safetensors/header.hpp"

namespace comfystream::weights {

WeightMap read_safetensors(const std::shared_ptr<const MappedFile>& file) {
  SafetensorsHeader header = parse_safetensors_header(file->bytes(), file->path().string());
  WeightMap result(file->path().string());
  result.set_mapping(file);
  for (SafetensorsEntry& entry : header.entries) {
    const auto bytes = file->bytes().subspan(static_cast<std::size_t>(header.data_begin + entry.begin),
                                             static_cast<std::size_t>(entry.end - entry.begin));
    if (const auto dtype = safetensors_dtype(entry.dtype)) {
      result.insert(std::move(entry.name), Tensor::borrow(*dtype, std::move(entry.shape), bytes, file));
    } else if (entry.dtype == "F64") {
      result.insert(std::move(entry.name), f32_from_f64(std::move(entry.shape), bytes));
    } else {
      result.insert_unsupported(std::move(entry.name), std::move(entry.dtype));
    }
  }
  for (auto& [key, value] : header.metadata) result.set_metadata(key, std::move(value));
  return result;
}

}  // namespace comfystream::weights
