// SPDX-License-Identifier: Apache-2.0
// Pictures that lie on a card, for programs whose frames are there already. Handles of the card's library pass through
// here as they are (a cudaStream_t, a cudaEvent_t); only the backend for the card looks at them.
#pragma once

#include "comfystream/frame.hpp"

#include <cstdint>
#include <limits>
#include <memory>

namespace comfystream {

/// Keeps the memory of a picture on a card, for as long as the picture lives. Implementations are thread-safe.
class DeviceMemory : public PictureRecycler {
 public:
  /// What used_on() takes for work that nobody can name: the card is then waited for before the memory is used again.
  static constexpr std::uintptr_t kAnyStream = std::numeric_limits<std::uintptr_t>::max();

  /// The card, as CUDA and DLPack number them in this process.
  [[nodiscard]] virtual int device() const noexcept = 0;
  /// An event (cudaEvent_t) that work on the memory waits for, on the card; none: it may begin at once.
  [[nodiscard]] virtual void* ready() const noexcept = 0;
  /// Work outside this program reads or writes the memory on `stream`. What has been queued there when the picture goes
  /// is done before the memory is used again. The last call counts.
  virtual void used_on(std::uintptr_t stream) noexcept = 0;
  /// Who lent the memory; none where it is the program's own.
  [[nodiscard]] virtual const PictureRecycler* lender() const noexcept { return nullptr; }
};

/// Where pictures come in that lie on a card. Any thread; one gate serves every card, and any number of clients whose
/// backend reaches cards (Client::takes_device_pictures). Throws Error(kBackend) when the card refuses.
class DeviceGate {
 public:
  DeviceGate() = default;
  virtual ~DeviceGate() = default;
  DeviceGate(const DeviceGate&) = delete;
  DeviceGate& operator=(const DeviceGate&) = delete;

  /// The stream of `device` (cudaStream_t) that whoever made a picture lets wait for his work: DLPack's `stream`.
  [[nodiscard]] virtual std::uintptr_t stream(int device) = 0;
  /// A picture in memory of `device`, rows without gaps. It is read after what stream(device) waits for at this call,
  /// and goes back to `owner` when nothing reads it any more. Nobody waits for the card.
  [[nodiscard]] virtual Picture lend(PixelFormat format, int width, int height, std::byte* memory, int device,
                                     std::shared_ptr<PictureRecycler> owner) = 0;
};

/// None where this build has no backend for cards, or this machine no card.
[[nodiscard]] std::shared_ptr<DeviceGate> make_device_gate();

}  // namespace comfystream
