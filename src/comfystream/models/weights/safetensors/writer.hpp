// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/weights/weight_map.hpp"
#include "comfystream/tensor/dtype.hpp"
#include "comfystream/tensor/shape.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace comfystream::weights {

/// What a file to be written will hold.
struct SafetensorsTensor {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
};

/// Whether finish() waits until the file is on the disk. Without that, a machine that fails within seconds may leave a
/// damaged file: for files that are made again by one command.
enum class Sync : std::uint8_t { kWait, kNone };

/// Writes a safetensors file tensor by tensor, none of which it keeps, under a temporary name beside the wanted one;
/// the file appears under its name, whole and on the disk, when finish() returns, and not at all otherwise. Error(kIo)
/// when writing fails, such as on a full disk; the temporary file is then removed with the writer.
class SafetensorsWriter {
 public:
  /// Creates the file's folder if need be. Error(kInvalidArgument) for a name that stands twice.
  SafetensorsWriter(std::filesystem::path path, std::vector<SafetensorsTensor> tensors,
                    const std::map<std::string, std::string, std::less<>>& metadata = {});
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  /// The values of one tensor, exactly its size; each once, in any order, from any thread.
  void write(std::string_view name, std::span<const std::byte> bytes);
  /// Error(kInvalidArgument) when tensors are missing.
  void finish(Sync sync = Sync::kWait);

 private:
  struct Slot {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    bool written = false;
  };

  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  [[noreturn]] void fail(const std::string& what, int error) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int file_ = -1;
  std::uint64_t size_ = 0;
  std::mutex mutex_;  ///< guards the slots' flags
  std::map<std::string, Slot, std::less<>> slots_;
};

/// Writes all of `weights` (tensors and metadata) to `path`. Errors as the writer's.
void save_safetensors(const std::filesystem::path& path, const WeightMap& weights);

}  // namespace comfystream::weights
