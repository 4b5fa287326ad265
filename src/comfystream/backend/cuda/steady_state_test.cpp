// SPDX-License-Identifier: Apache-2.0
// Counts, by CUPTI and operator new, what a warm executable asks of driver and host for a batch: nothing but copies
// of the frames and of parameters that changed, one graph and one wait. A program of its own, whose every allocation is
// counted.
#include "benchmarks/sd15_workflow.hpp"
#include "comfystream/backend/cuda/device_gate.hpp"
#include "comfystream/backend/cuda/device_memory.hpp"
#include "comfystream/backend/cuda/device_test.hpp"
#include "comfystream/stream/counted_new.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <string_view>

#include <cupti.h>

namespace comfystream::backend::cuda {
namespace {

constexpr int kBatches = 60;

/// Calls of the driver's functions while it lives, by what they are for.
class DriverCalls {
 public:
  DriverCalls() {
    usable_ =
        cuptiSubscribe(&subscriber_, reinterpret_cast<CUpti_CallbackFunc>(&DriverCalls::count), this) == CUPTI_SUCCESS;
    usable_ = usable_ && cuptiEnableDomain(1, subscriber_, CUPTI_CB_DOMAIN_DRIVER_API) == CUPTI_SUCCESS;
  }
  ~DriverCalls() {
    if (subscriber_ != nullptr) static_cast<void>(cuptiUnsubscribe(subscriber_));
  }
  DriverCalls(const DriverCalls&) = delete;
  DriverCalls& operator=(const DriverCalls&) = delete;

  [[nodiscard]] bool usable() const { return usable_; }
  [[nodiscard]] int memory() const { return memory_; }
  [[nodiscard]] int waits() const { return waits_; }
  [[nodiscard]] int graphs() const { return graphs_; }

 private:
  static void CUPTIAPI count(void* self, CUpti_CallbackDomain /*domain*/, CUpti_CallbackId /*id*/,
                             const CUpti_CallbackData* call) {
    if (call->callbackSite != CUPTI_API_ENTER) return;
    auto& calls = *static_cast<DriverCalls*>(self);
    const std::string_view name = call->functionName;
    const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
    if (has("Alloc") || has("Free") || has("MemCreate") || has("Register")) ++calls.memory_;
    if (has("Synchronize")) ++calls.waits_;
    if (has("cuGraphLaunch")) ++calls.graphs_;
  }

  CUpti_SubscriberHandle subscriber_ = nullptr;
  bool usable_ = false;
  std::atomic<int> memory_ = 0;
  std::atomic<int> waits_ = 0;
  std::atomic<int> graphs_ = 0;
};

void run_batches(Executable& executable, std::vector<std::unique_ptr<Slot>>& slots, int batches) {
  const std::size_t depth = slots.size();
  for (std::size_t i = 0; i < static_cast<std::size_t>(batches) + depth; ++i) {
    if (i >= depth) executable.wait(*slots[i % depth]);
    if (i < static_cast<std::size_t>(batches)) executable.enqueue(*slots[i % depth], 1 + static_cast<int>(i % 4));
  }
}

constexpr int kSide = 64;

std::unique_ptr<Executable> warm_workflow(std::vector<std::unique_ptr<Slot>>& slots) {
  const auto nets = benchmarks::make_networks("sd15-tiny", "depth-anything-v2-tiny");
  const auto width = weights::stable_diffusion_dims("sd15-tiny").unet.context_dim;
  auto executable = compile_untuned(benchmarks::workflow_graph(nets, false, kSide, width, 56), 4);
  for (int i = 0; i < 3; ++i) slots.push_back(executable->make_slot());
  for (const std::int64_t size : {1, 2, 3, 4}) executable->warm(size);
  return executable;
}

/// Batches whose first row is the host's and whose others are `frame`, on the card.
void run_on_card(Executable& executable, Slot& slot, const Picture& frame, int batches) {
  for (int i = 0; i < batches; ++i) {
    std::array<Picture, 4> leaving;
    const int size = 1 + i % 4;
    slot.clear_rows();
    for (int row = 1; row < size; ++row) {
      slot.read_row(0, row, frame);
      leaving.at(static_cast<std::size_t>(row)) = slot.write_row(0, row, PixelFormat::kRgb8, kSide, kSide);
    }
    executable.enqueue(slot, size);
    executable.wait(slot);
  }
}

TEST_F(DeviceTest, AWarmBatchAllocatesNothingAndWaitsOnce) {
  std::vector<std::unique_ptr<Slot>> slots;
  const auto executable = warm_workflow(slots);
  run_batches(*executable, slots, 24);

  const DriverCalls calls;
  if (!calls.usable()) GTEST_SKIP() << "skipped: CUPTI does not count here";
  const std::uint64_t before = stream::allocations_so_far();
  run_batches(*executable, slots, kBatches);
  const std::uint64_t after = stream::allocations_so_far();
  EXPECT_EQ(after - before, 0U) << "allocations on the host";
  EXPECT_EQ(calls.memory(), 0) << "calls of the driver that allocate or free";
  EXPECT_EQ(calls.graphs(), kBatches);
  EXPECT_EQ(calls.waits(), kBatches);
}

struct Borrowed final : PictureRecycler {
  void recycle(std::byte* /*memory*/) noexcept override {}
};

TEST_F(DeviceTest, PicturesOnTheCardAllocateNothingEither) {
  std::vector<std::unique_ptr<Slot>> slots;
  const auto executable = warm_workflow(slots);
  const DeviceBuffer memory(std::size_t{kSide} * kSide * 3, "a picture");
  const auto gate = make_cuda_gate();
  ASSERT_NE(gate->stream(0), 0U);
  const Picture frame = gate->lend(PixelFormat::kRgb8, kSide, kSide, memory.data(), 0, std::make_shared<Borrowed>());
  run_on_card(*executable, *slots.front(), frame, 8);

  const DriverCalls calls;
  if (!calls.usable()) GTEST_SKIP() << "skipped: CUPTI does not count here";
  const std::uint64_t before = stream::allocations_so_far();
  run_on_card(*executable, *slots.front(), frame, kBatches);
  const std::uint64_t after = stream::allocations_so_far();
  EXPECT_EQ(after - before, 0U) << "allocations on the host";
  EXPECT_EQ(calls.memory(), 0) << "calls of the driver that allocate or free";
  EXPECT_EQ(calls.graphs(), kBatches);
  EXPECT_EQ(calls.waits(), kBatches);
}

}  // namespace
}  // namespace comfystream::backend::cuda
