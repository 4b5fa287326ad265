// SPDX-License-Identifier: Apache-2.0
#include "comfystream/error.hpp"
#include "comfystream/models/weights/foreign_file.hpp"
#include "comfystream/models/weights/pytorch/zip_reader.hpp"

#include <string_view>

namespace comfystream::weights {
namespace {

constexpr std::size_t kHeaderText = 8;  // where a safetensors file's JSON begins

bool has_json(std::string_view text) { return text.size() > kHeaderText && text[kHeaderText] == '{'; }

bool has_safetensors_length(std::string_view text) {
  if (!has_json(text)) return false;
  std::uint64_t length = 0;
  for (std::size_t i = kHeaderText; i-- > 0;) length = length << 8 | static_cast<unsigned char>(text[i]);
  return length <= text.size() - kHeaderText;
}

/// A damaged archive is none: who reads it says what is wrong with it.
bool holds_tensorrt_engine(const MappedFile& file) {
  try {
    const ZipReader zip(file.bytes(), file.path().string());
    const std::string entry = zip.find_ending("data.pkl");
    return !entry.empty() && is_saved_tensorrt_engine(zip.at(entry));
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

FileFormat file_format(const MappedFile& file) {
  const auto bytes = file.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  // First, because a header's length is any number: its bytes may spell another format's first ones.
  if (has_safetensors_length(text)) return FileFormat::kSafetensors;
  if (is_raw_tensorrt_plan(bytes)) return FileFormat::kTensorRtPlan;
  refuse_foreign_file(bytes, file.path());
  if (text.starts_with("PK")) return holds_tensorrt_engine(file) ? FileFormat::kTensorRtPlan : FileFormat::kPyTorchZip;
  return has_json(text) || file.path().extension() == ".safetensors" ? FileFormat::kSafetensors : FileFormat::kUnknown;
}

}  // namespace comfystream::weights
