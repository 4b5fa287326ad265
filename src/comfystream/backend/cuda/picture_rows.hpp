// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/backend/cuda/device_memory.hpp"
#include "comfystream/device.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace comfystream::backend::cuda {

/// An input or output of a slot, in page-locked memory of the host and in the card's: which rows of a batch are
/// pictures on a card, and the copies before and after the batch that follow from it. Rows that are no such picture go
/// through the host's memory. The gather and the scatter are copies on the card: a recorded graph reads and writes
/// fixed addresses.
class PictureRows {
 public:
  struct Memory {
    std::span<std::byte> host;  ///< both of the batch's bytes
    std::byte* device = nullptr;
    PixelFormat format = PixelFormat::kRgb8;  ///< of rows that are pictures
    int card = 0;
  };

  void reserve(std::size_t rows) { rows_.reserve(rows); }
  void clear() noexcept { rows_.clear(); }
  /// Row `row` is `picture`. Rows come in order; the picture stays until the copies are done.
  void add(std::int64_t row, const Picture& picture, PixelFormat format);

  /// Queues the copies of a batch's rows to the card.
  void upload(const Memory& memory, cudaStream_t stream);
  /// The same of its results.
  void download(const Memory& memory, cudaStream_t stream) const;

 private:
  struct Row {
    std::size_t offset;  // in the slot's memory
    std::size_t values;  // 3 to a pixel
    std::byte* picture;
    PixelFormat format;
    int card;
    cudaEvent_t ready;
  };

  template <typename CopyHost, typename CopyRow>
  void for_all(std::size_t bytes, const CopyHost& copy_host, const CopyRow& copy_row) const;
  const std::byte* on_card(const Row& row, int card, cudaStream_t stream);

  std::vector<Row> rows_;
  DeviceBuffer visiting_;  // a picture of another card and another format on its way
};

}  // namespace comfystream::backend::cuda
