// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/picture_rows.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/pixel_kernels.hpp"

namespace comfystream::backend::cuda {
namespace {

constexpr std::size_t kChannels = 3;

std::size_t value_bytes(PixelFormat format) { return bytes_per_pixel(format) / kChannels; }

void copy(void* to, const void* from, std::size_t bytes, cudaStream_t stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream), "copying a batch's rows");
}

void wait_for(cudaEvent_t event, cudaStream_t stream) {
  if (event != nullptr) check(cudaStreamWaitEvent(stream, event, 0), "waiting for a picture");
}

}  // namespace

void PictureRows::add(std::int64_t row, const Picture& picture, PixelFormat format) {
  const std::size_t values =
      static_cast<std::size_t>(picture.width()) * static_cast<std::size_t>(picture.height()) * kChannels;
  rows_.push_back({static_cast<std::size_t>(row) * values * value_bytes(format), values, picture.address(),
                   picture.format(), picture.device()->device(), static_cast<cudaEvent_t>(picture.device()->ready())});
}

template <typename CopyHost, typename CopyRow>
void PictureRows::for_all(std::size_t bytes, const CopyHost& copy_host, const CopyRow& copy_row) const {
  std::size_t at = 0;
  for (const Row& row : rows_) {
    if (row.offset > at) copy_host(at, row.offset - at);
    at = row.offset + copy_row(row);
  }
  if (bytes > at) copy_host(at, bytes - at);
}

const std::byte* PictureRows::on_card(const Row& row, int card, cudaStream_t stream) {
  if (row.card == card) return row.picture;
  const std::size_t bytes = row.values * value_bytes(row.format);
  if (visiting_.size() < bytes) visiting_ = DeviceBuffer(bytes, "a picture of another card");
  copy(visiting_.data(), row.picture, bytes, stream);
  return visiting_.data();
}

void PictureRows::upload(const Memory& memory, cudaStream_t stream) {
  const auto from_host = [&](std::size_t at, std::size_t bytes) {
    copy(memory.device + at, memory.host.data() + at, bytes, stream);
  };
  for_all(memory.host.size(), from_host, [&](const Row& row) {
    const std::size_t bytes = row.values * value_bytes(memory.format);
    std::byte* to = memory.device + row.offset;
    wait_for(row.ready, stream);
    if (row.format == memory.format) {
      copy(to, row.picture, bytes, stream);
    } else {
      launch_convert_pixels(on_card(row, memory.card, stream), row.format, to, row.values, stream);
    }
    return bytes;
  });
}

void PictureRows::download(const Memory& memory, cudaStream_t stream) const {
  const auto to_host = [&](std::size_t at, std::size_t bytes) {
    copy(memory.host.data() + at, memory.device + at, bytes, stream);
  };
  for_all(memory.host.size(), to_host, [&](const Row& row) {
    const std::size_t bytes = row.values * value_bytes(memory.format);
    const std::byte* from = memory.device + row.offset;
    wait_for(row.ready, stream);
    if (row.format == memory.format) {
      copy(row.picture, from, bytes, stream);
    } else {
      launch_convert_pixels(from, memory.format, row.picture, row.values, stream);
    }
    return bytes;
  });
}

}  // namespace comfystream::backend::cuda
