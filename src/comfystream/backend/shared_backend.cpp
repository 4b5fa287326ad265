// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/shared_backend.hpp"

#include "comfystream/error.hpp"

#include <atomic>
#include <utility>

namespace comfystream::backend {
namespace {

class SharedSlot final : public Slot {
 public:
  SharedSlot(std::unique_ptr<Slot> slot, std::size_t device) : slot_(std::move(slot)), device_(device) {}

  std::span<std::byte> input(std::size_t index) override { return slot_->input(index); }
  std::span<const std::byte> output(std::size_t index) override { return slot_->output(index); }
  [[nodiscard]] bool reaches_device() const override { return slot_->reaches_device(); }
  void clear_rows() override { slot_->clear_rows(); }
  void read_row(std::size_t index, std::int64_t row, const Picture& picture) override {
    slot_->read_row(index, row, picture);
  }
  [[nodiscard]] Picture write_row(std::size_t index, std::int64_t row, PixelFormat format, int width,
                                  int height) override {
    return slot_->write_row(index, row, format, width, height);
  }
  [[nodiscard]] Slot& slot() const noexcept { return *slot_; }
  [[nodiscard]] std::size_t device() const noexcept { return device_; }

 private:
  std::unique_ptr<Slot> slot_;
  std::size_t device_;
};

class SharedExecutable final : public Executable {
 public:
  explicit SharedExecutable(std::vector<std::unique_ptr<Executable>> devices) : devices_(std::move(devices)) {}

  std::unique_ptr<Slot> make_slot() override {
    const std::size_t device = next_++ % devices_.size();
    return std::make_unique<SharedSlot>(devices_[device]->make_slot(), device);
  }
  void set_parameter(std::size_t index, const Tensor& value) override {
    for (const auto& device : devices_) device->set_parameter(index, value);
  }
  void enqueue(Slot& slot, std::int64_t batch_size) override {
    const auto& own = static_cast<SharedSlot&>(slot);
    devices_[own.device()]->enqueue(own.slot(), batch_size);
  }
  void wait(Slot& slot) override {
    const auto& own = static_cast<SharedSlot&>(slot);
    devices_[own.device()]->wait(own.slot());
  }
  [[nodiscard]] std::chrono::nanoseconds device_time(const Slot& slot) const override {
    const auto& own = static_cast<const SharedSlot&>(slot);
    return devices_[own.device()]->device_time(own.slot());
  }
  void warm(std::int64_t batch_size) override {
    for (const auto& device : devices_) device->warm(batch_size);
  }
  [[nodiscard]] std::map<std::string, std::chrono::nanoseconds> time_by_scope() const override {
    return devices_.front()->time_by_scope();
  }
  [[nodiscard]] std::map<std::string, std::chrono::nanoseconds> startup_times() const override {
    return devices_.front()->startup_times();
  }
  [[nodiscard]] std::vector<StepTime> time_steps(std::int64_t batch_size) override {
    return devices_.front()->time_steps(batch_size);
  }

 private:
  std::vector<std::unique_ptr<Executable>> devices_;
  std::atomic<std::size_t> next_{0};
};

class SharedBackend final : public Backend {
 public:
  explicit SharedBackend(std::vector<std::unique_ptr<Backend>> devices) : devices_(std::move(devices)) {
    if (devices_.empty()) throw Error(ErrorCode::kInvalidArgument, "no device to share batches out to");
  }

  [[nodiscard]] std::string name() const override { return devices_.front()->name(); }
  [[nodiscard]] std::vector<DeviceInfo> devices() const override { return devices_.front()->devices(); }
  [[nodiscard]] bool compiles_concurrently() const override { return devices_.front()->compiles_concurrently(); }
  [[nodiscard]] DeviceCeilings measure_ceilings() override { return devices_.front()->measure_ceilings(); }
  [[nodiscard]] DType precision() const override { return devices_.front()->precision(); }
  [[nodiscard]] bool reaches_device() const override { return devices_.front()->reaches_device(); }
  [[nodiscard]] std::size_t parallel_devices() const override { return devices_.size(); }
  [[nodiscard]] std::unique_ptr<Executable> compile(const graph::Graph& graph, const CompileOptions& options) override {
    std::vector<std::unique_ptr<Executable>> executables;
    for (const auto& device : devices_) executables.push_back(device->compile(graph, options));
    return std::make_unique<SharedExecutable>(std::move(executables));
  }

 private:
  std::vector<std::unique_ptr<Backend>> devices_;
};

}  // namespace

std::unique_ptr<Backend> share_backends(std::vector<std::unique_ptr<Backend>> devices) {
  return std::make_unique<SharedBackend>(std::move(devices));
}

}  // namespace comfystream::backend
