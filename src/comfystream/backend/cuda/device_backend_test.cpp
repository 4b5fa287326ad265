// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/device_memory.hpp"
#include "comfystream/backend/cuda/device_test.hpp"
#include "comfystream/backend/reference/reference_backend.hpp"
#include "comfystream/error.hpp"
#include "tests/support/op_cases.hpp"

#include <cstring>
#include <thread>

#include <gmock/gmock.h>

namespace comfystream::backend::cuda {
namespace {

using graph::kBatch;
using graph::SymShape;
using graph::Value;

graph::Graph scaled_sum() {
  graph::Builder builder;
  const Value x = builder.input("x", DType::kF32, SymShape{kBatch, 2});
  const Value gain = builder.parameter("gain", SymShape{1}, Tensor::from<float>({1}, {1.0F}));
  const Value shift = builder.parameter("shift", SymShape{kBatch, 2}, Tensor::from<float>({1, 2}, {0.5F, 0.25F}));
  builder.output("y", builder.add(builder.mul(x, builder.mul(gain, 2.0F)), shift));
  return builder.take();
}

std::span<const float> floats(Slot& slot, std::size_t count) {
  return {reinterpret_cast<const float*>(slot.output(0).data()), count};
}

void write(Slot& slot, const Tensor& value) {
  std::memcpy(slot.input(0).data(), value.bytes().data(), value.size_bytes());
}

TEST(CudaBackend, SaysWhyADeviceCannotBeUsed) {
  const auto devices = make_cuda_backend()->devices();
  ASSERT_FALSE(devices.empty());
  if (devices.front().available.empty()) GTEST_SKIP() << "there is a device";
  try {
    static_cast<void>(make_cuda_backend()->compile(scaled_sum(), {}));
    FAIL() << "compiled without a device";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBackend);
    EXPECT_THAT(error.message(), testing::HasSubstr(devices.front().available));
  }
}

TEST_F(DeviceTest, TheCallersChoiceOfADeviceStays) {
  int count = 0;
  ASSERT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  if (count < 2) GTEST_SKIP() << "one GPU here";
  for (const int chosen : {0, 1}) {
    ASSERT_EQ(cudaSetDevice(chosen), cudaSuccess);
    const auto current = [] {
      int device = -1;
      static_cast<void>(cudaGetDevice(&device));
      return device;
    };
    static_cast<void>(make_cuda_backend()->devices());
    EXPECT_EQ(current(), chosen) << "after devices()";
    CudaOptions options;
    options.device = 1 - chosen;
    const auto executable = compile_untuned(scaled_sum(), 2, options);
    EXPECT_EQ(current(), chosen) << "after compile()";
    executable->set_parameter(0, Tensor::from<float>({1}, {2.0F}));
    executable->warm(1);
    const auto slot = executable->make_slot();
    EXPECT_EQ(current(), chosen) << "after make_slot()";
    executable->enqueue(*slot, 1);
    executable->wait(*slot);
    EXPECT_EQ(current(), chosen) << "after a batch";
  }
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
}

TEST_F(DeviceTest, ABatchKeepsTheParametersItStartedWith) {
  const auto executable = compile_untuned(scaled_sum(), 3);
  const auto slot = executable->make_slot();
  write(*slot, Tensor::from<float>({2, 2}, {1, 2, 3, 4}));
  executable->enqueue(*slot, 2);
  executable->set_parameter(0, Tensor::from<float>({1}, {10.0F}));
  executable->set_parameter(1, Tensor::from<float>({3, 2}, {1, 1, 2, 2, 3, 3}));
  executable->wait(*slot);
  EXPECT_THAT(floats(*slot, 4), testing::ElementsAre(2.5F, 4.25F, 6.5F, 8.25F));
  executable->enqueue(*slot, 2);
  executable->wait(*slot);
  EXPECT_THAT(floats(*slot, 4), testing::ElementsAre(21, 41, 62, 82));
  EXPECT_THROW(executable->set_parameter(0, Tensor::from<float>({2}, {1, 2})), Error);
  EXPECT_GT(executable->device_time(*slot).count(), 0);
}

TEST_F(DeviceTest, SlotsRunTogetherAndSizesInAnyOrder) {
  const auto executable = compile_untuned(scaled_sum(), 4);
  executable->warm(2);
  std::vector<std::unique_ptr<Slot>> slots;
  slots.reserve(3);
  for (int i = 0; i < 3; ++i) slots.push_back(executable->make_slot());
  for (const std::int64_t batch : {4, 1, 2, 4}) {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      write(*slots[i], Tensor::from<float>({1, 2}, {static_cast<float>(i), 1.0F}));
      executable->enqueue(*slots[i], batch);
    }
    for (std::size_t i = 0; i < slots.size(); ++i) {
      executable->wait(*slots[i]);
      EXPECT_EQ(floats(*slots[i], 2)[0], 2.0F * static_cast<float>(i) + 0.5F);
    }
  }
  EXPECT_THROW(executable->enqueue(*slots[0], 5), Error);
  EXPECT_THROW(executable->enqueue(*slots[0], 0), Error);
}

TEST_F(DeviceTest, SaysWhichBatchFitsWhenMemoryIsShort) {
  graph::Builder builder;
  const Value x = builder.input("x", DType::kF32, SymShape{kBatch, 8, 512, 512});
  const auto conv = [&](Value from, std::int64_t in, std::int64_t out, std::uint32_t seed) {
    return builder.conv2d(from, builder.weight(tests::random_tensor({out, in, 3, 3}, seed, 0.1F)), std::nullopt,
                          {.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1});
  };
  builder.output("y", conv(conv(x, 8, 256, 1), 256, 8, 2));  // 128 MiB a frame in between
  const graph::Graph graph = builder.take();
  const auto executable = compile_untuned(graph, 8);
  std::size_t free = 0;
  std::size_t total = 0;
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  constexpr std::size_t kLeft = std::size_t{600} << 20U;
  const DeviceBuffer others(free - kLeft, "what others use");
  try {
    const auto slot = executable->make_slot();
    FAIL() << "the slot fits";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_THAT(error.message(), testing::HasSubstr("batches of 8 frames take"));
    EXPECT_THAT(error.hint(), testing::ContainsRegex("--batch-size [1-3]"));
  }
}

TEST_F(DeviceTest, OutputsMayBeSourcesAndEachOther) {
  graph::Builder builder;
  const Value x = builder.input("x", DType::kU8, SymShape{kBatch, 2});
  const Value p = builder.parameter("p", SymShape{kBatch}, Tensor::from<float>({3}, {5, 6, 7}));
  builder.output("first", x);
  builder.output("second", x);
  builder.output("parameter", p);
  const Value sum = builder.add(builder.cast(x, DType::kF32), 1.0F);
  builder.output("sum", sum);
  builder.output("sum again", sum);
  builder.output("fixed", builder.constant(Tensor::from<float>({2}, {7, 8})));
  const graph::Graph graph = builder.take();
  Tensor rows(DType::kU8, {2, 2});
  std::memcpy(rows.mutable_bytes().data(), "abcd", 4);
  const auto outputs = run_once(*compile_untuned(graph, 3), graph, std::vector<Tensor>{rows}, 2);
  EXPECT_EQ(std::memcmp(outputs[0].bytes().data(), "abcd", 4), 0);
  EXPECT_EQ(std::memcmp(outputs[1].bytes().data(), "abcd", 4), 0);
  EXPECT_THAT(outputs[2].values<float>(), testing::ElementsAre(5, 6));
  EXPECT_THAT(outputs[3].values<float>(), testing::ElementsAre(98, 99, 100, 101));
  EXPECT_THAT(outputs[4].values<float>(), testing::ElementsAre(98, 99, 100, 101));
  EXPECT_THAT(outputs[5].values<float>(), testing::ElementsAre(7, 8));
}

TEST_F(DeviceTest, GraphsWithoutInputsRun) {
  graph::Builder builder;
  const Value value = builder.parameter("v", SymShape{1, 3}, Tensor::from<float>({1, 3}, {1, 2, 3}));
  builder.output("doubled", builder.mul(value, 2.0F));
  builder.output("rows", builder.expand_batch(value));
  const graph::Graph graph = builder.take();
  for (const bool split : {true, false}) {
    const auto outputs = run_once(*compile_untuned(graph, 4, {.split_static = split}), graph, {}, 4);
    EXPECT_THAT(outputs[0].values<float>(), testing::ElementsAre(2, 4, 6));
    EXPECT_EQ(outputs[1].values<float>().back(), 3.0F);
  }
}

}  // namespace
}  // namespace comfystream::backend::cuda
