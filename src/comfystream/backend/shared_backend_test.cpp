// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/shared_backend.hpp"

#include "comfystream/error.hpp"
#include "comfystream/graph/builder.hpp"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::backend {
namespace {

using testing::ElementsAre;

/// What a device was asked for, in order.
struct Calls {
  std::vector<std::string> made;
};

class FakeSlot final : public Slot {
 public:
  std::span<std::byte> input(std::size_t /*index*/) override { return memory_; }
  std::span<const std::byte> output(std::size_t /*index*/) override { return memory_; }

 private:
  std::vector<std::byte> memory_ = std::vector<std::byte>(4);
};

class FakeExecutable final : public Executable {
 public:
  FakeExecutable(std::string name, Calls& calls) : name_(std::move(name)), calls_(calls) {}
  std::unique_ptr<Slot> make_slot() override {
    note("slot");
    return std::make_unique<FakeSlot>();
  }
  void set_parameter(std::size_t index, const Tensor& /*value*/) override { note("set " + std::to_string(index)); }
  void enqueue(Slot& /*slot*/, std::int64_t batch_size) override { note("start " + std::to_string(batch_size)); }
  void wait(Slot& /*slot*/) override { note("wait"); }
  std::chrono::nanoseconds device_time(const Slot& /*slot*/) const override {
    return std::chrono::nanoseconds(name_ == "a" ? 1 : 2);
  }
  void warm(std::int64_t batch_size) override { note("warm " + std::to_string(batch_size)); }

 private:
  void note(const std::string& call) { calls_.made.push_back(name_ + " " + call); }
  std::string name_;
  Calls& calls_;
};

class FakeBackend final : public Backend {
 public:
  FakeBackend(std::string name, Calls& calls) : name_(std::move(name)), calls_(calls) {}
  std::string name() const override { return "fake"; }
  std::vector<DeviceInfo> devices() const override { return {{name_, {}}}; }
  std::unique_ptr<Executable> compile(const graph::Graph& /*graph*/, const CompileOptions& /*options*/) override {
    calls_.made.push_back(name_ + " compile");
    return std::make_unique<FakeExecutable>(name_, calls_);
  }

 private:
  std::string name_;
  Calls& calls_;
};

std::unique_ptr<Backend> two_devices(Calls& calls) {
  std::vector<std::unique_ptr<Backend>> devices;
  for (const char* name : {"a", "b"}) devices.push_back(std::make_unique<FakeBackend>(name, calls));
  return share_backends(std::move(devices));
}

TEST(SharedBackend, SlotsGoToTheDevicesInTurnAndStayThere) {
  Calls calls;
  const auto backend = two_devices(calls);
  EXPECT_EQ(backend->name(), "fake");
  EXPECT_EQ(backend->parallel_devices(), 2U);
  const auto executable = backend->compile({}, {});
  const auto first = executable->make_slot();
  const auto second = executable->make_slot();
  const auto third = executable->make_slot();
  EXPECT_THAT(calls.made, ElementsAre("a compile", "b compile", "a slot", "b slot", "a slot"));
  calls.made.clear();
  executable->enqueue(*second, 3);
  executable->enqueue(*third, 1);
  executable->wait(*second);
  executable->wait(*third);
  EXPECT_THAT(calls.made, ElementsAre("b start 3", "a start 1", "b wait", "a wait"));
  EXPECT_EQ(executable->device_time(*first).count(), 1);
  EXPECT_EQ(executable->device_time(*second).count(), 2);
}

TEST(SharedBackend, ParametersAndWarmingReachEveryDevice) {
  Calls calls;
  const auto executable = two_devices(calls)->compile({}, {});
  calls.made.clear();
  executable->set_parameter(1, Tensor(DType::kF32, {1}));
  executable->warm(4);
  EXPECT_THAT(calls.made, ElementsAre("a set 1", "b set 1", "a warm 4", "b warm 4"));
}

TEST(SharedBackend, NoDeviceIsAnError) { EXPECT_THROW((void)share_backends({}), Error); }

}  // namespace
}  // namespace comfystream::backend
