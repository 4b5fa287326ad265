// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/device_gate.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/device_memory.hpp"

#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace comfystream::backend {
namespace {

class CudaGate final : public DeviceGate, public std::enable_shared_from_this<CudaGate> {
 public:
  std::uintptr_t stream(int device) override {
    const std::lock_guard lock(mutex_);
    return reinterpret_cast<std::uintptr_t>(card(device).stream.get());
  }

  Picture lend(PixelFormat format, int width, int height, std::byte* memory, int device,
               std::shared_ptr<PictureRecycler> owner) override {
    const cuda::DeviceScope scope(device);
    const std::lock_guard lock(mutex_);
    Card& own = card(device);
    cuda::Event ready = own.spare.empty() ? cuda::make_event(false) : std::move(own.spare.back());
    if (!own.spare.empty()) own.spare.pop_back();
    cuda::check(cudaEventRecord(ready.get(), own.stream.get()), "taking a picture in");
    auto keeper = std::make_shared<Lent>(shared_from_this(), device, std::move(ready), std::move(owner));
    return Picture::on_device(format, width, height, memory, std::move(keeper));
  }

 private:
  struct Card {
    cuda::Stream stream;
    std::vector<cuda::Event> spare;
  };

  class Lent final : public DeviceMemory {
   public:
    Lent(std::shared_ptr<CudaGate> gate, int device, cuda::Event ready, std::shared_ptr<PictureRecycler> owner)
        : gate_(std::move(gate)), device_(device), ready_(std::move(ready)), owner_(std::move(owner)) {}

    int device() const noexcept override { return device_; }
    void* ready() const noexcept override { return ready_.get(); }
    // The owner knows what else is done with his memory.
    void used_on(std::uintptr_t /*stream*/) noexcept override {}
    const PictureRecycler* lender() const noexcept override { return owner_.get(); }
    void recycle(std::byte* memory) noexcept override {
      gate_->give_back(device_, std::move(ready_));
      owner_->recycle(memory);
    }

   private:
    std::shared_ptr<CudaGate> gate_;
    int device_;
    cuda::Event ready_;
    std::shared_ptr<PictureRecycler> owner_;
  };

  // Under the lock.
  Card& card(int device) {
    Card& own = cards_[device];
    if (!own.stream) {
      const cuda::DeviceScope scope(device);
      own.stream = cuda::make_stream();
      own.spare.reserve(kSpareEvents);
    }
    return own;
  }

  void give_back(int device, cuda::Event event) noexcept {
    const std::lock_guard lock(mutex_);
    std::vector<cuda::Event>& spare = cards_[device].spare;
    if (spare.size() < kSpareEvents) spare.push_back(std::move(event));
  }

  static constexpr std::size_t kSpareEvents = 64;

  std::mutex mutex_;
  std::map<int, Card> cards_;
};

}  // namespace

std::shared_ptr<DeviceGate> make_cuda_gate() { return std::make_shared<CudaGate>(); }

}  // namespace comfystream::backend
