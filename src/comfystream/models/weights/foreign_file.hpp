// SPDX-License-Identifier: Apache-2.0
// Files that people give for a model and that are none of ours: what they are, and what to do about it.
#pragma once

#include "comfystream/models/weights/mapped_file.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace comfystream::weights {

/// What a file is, as far as it matters here. kTensorRtPlan: a raw plan, or one that torch.save wrapped.
enum class FileFormat : std::uint8_t { kSafetensors, kPyTorchZip, kTensorRtPlan, kUnknown };

/// By the first bytes, not the name. Throws as refuse_foreign_file() for what is known and none of these.
[[nodiscard]] FileFormat file_format(const MappedFile& file);

/// Throws the Error that says what the file is, when its first bytes tell: empty, GGUF, a Git LFS
/// pointer, an HTML or XML page, PyTorch's formats before the zip one. Returns otherwise.
void refuse_foreign_file(std::span<const std::byte> bytes, const std::filesystem::path& path);

/// Error(kUnsupported) for a file that is neither safetensors nor a zip checkpoint nor anything known.
[[noreturn]] void throw_unknown_file(const std::filesystem::path& path);

/// Error(kUnsupported): a TensorRT plan, and the command that makes an engine of ours.
[[noreturn]] void throw_tensorrt_plan(const std::filesystem::path& path);
/// A TensorRT plan as it is, with nothing around it.
[[nodiscard]] bool is_raw_tensorrt_plan(std::span<const std::byte> bytes);
/// True when the pickle is that of torch.save({"engine": ..., "config": ...}), as some ComfyUI nodes wrap their plans.
[[nodiscard]] bool is_saved_tensorrt_engine(std::span<const std::byte> pickle);

}  // namespace comfystream::weights
