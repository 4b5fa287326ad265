// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/foreign_file.hpp"
#include "comfystream/models/weights/mapped_file.hpp"
#include "comfystream/models/weights/pytorch/checkpoint_reader.hpp"
#include "comfystream/models/weights/safetensors/reader.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <string_view>

namespace comfystream::weights {
namespace {

constexpr std::string_view kZip = "PK";
constexpr std::size_t kHeaderText = 8;  // where a safetensors file's JSON begins

}  // namespace

WeightMap load_weights(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  refuse_foreign_file(bytes, path);
  if (text.starts_with(kZip)) return read_pytorch_checkpoint(std::move(file));
  const bool has_json = text.size() > kHeaderText && text[kHeaderText] == '{';
  if (has_json || path.extension() == ".safetensors") return read_safetensors(std::move(file));
  throw_unknown_file(path);
}

}  // namespace comfystream::weights
