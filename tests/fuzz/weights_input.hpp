// SPDX-License-Identifier: Apache-2.0
// For fuzz targets of model files: the input as a file in memory, opened as a model, its tensors read to the last byte.
#pragma once

#include "comfystream/error.hpp"
#include "comfystream/models/weights/mapped_file.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

namespace comfystream::fuzz {

class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (descriptor_ < 0 || write(descriptor_, data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

/// Everything that `read` lets through must be wholly readable.
template <typename Read>
int check_weights(const std::uint8_t* data, std::size_t size, Read read) {
  const MemoryFile file(data, size);
  try {
    const weights::WeightMap map = read(weights::MappedFile::open(file.path()));
    unsigned sum = 0;
    for (const auto& [name, tensor] : map.tensors()) {
      for (const std::byte value : tensor.bytes()) sum += static_cast<unsigned>(value);
    }
    volatile unsigned keep = sum;
    static_cast<void>(keep);
  } catch (const Error&) {
    // A file may be refused; anything else that is thrown ends the run.
  }
  return 0;
}

}  // namespace comfystream::fuzz
