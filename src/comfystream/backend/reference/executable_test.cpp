// SPDX-License-Identifier: Apache-2.0
// The contract of Executable and Slot, and of the functions that every backend shares.
#include "comfystream/backend/backend.hpp"
#include "comfystream/backend/reference/reference_backend.hpp"
#include "comfystream/error.hpp"
#include "comfystream/graph/builder.hpp"

#include <cstring>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::backend {
namespace {

using graph::Builder;
using graph::kBatch;
using graph::Value;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

Tensor row(const std::vector<float>& values) {
  return Tensor::from<float>({static_cast<std::int64_t>(values.size())}, values);
}

std::vector<float> list(const Tensor& tensor) {
  const auto values = tensor.values<float>();
  return {values.begin(), values.end()};
}

std::unique_ptr<Executable> compile(const graph::Graph& graph, std::int64_t max_batch) {
  return make_reference_backend()->compile(graph, {.max_batch = max_batch});
}

void write(Slot& slot, const std::vector<float>& values) {
  std::memcpy(slot.input(0).data(), values.data(), values.size() * sizeof(float));
}

std::vector<float> read(Slot& slot, std::size_t index, std::size_t count) {
  std::vector<float> values(count);
  std::memcpy(values.data(), slot.output(index).data(), count * sizeof(float));
  return values;
}

/// y = x * gain + slots, x and slots [N].
graph::Graph scale_graph() {
  Builder b;
  const Value x = b.input("x", DType::kF32, {kBatch});
  const Value gain = b.parameter("gain", {1}, row({2}));
  const Value slots = b.parameter("slots", {kBatch}, row({10, 20}));
  b.output("y", b.add(b.mul(x, gain), slots));
  return b.take();
}

TEST(Executable, RunsAnyBatchUpToItsLargest) {
  const auto graph = scale_graph();
  const auto executable = compile(graph, 3);
  for (std::int64_t batch = 1; batch <= 3; ++batch) {
    const std::vector<float> all{12, 24, 16};  // a parameter of a row per slot repeats its two rows in turn
    const std::vector<Tensor> inputs{row(std::vector<float>{1, 2, 3}).reshaped({3})};
    const auto slot = executable->make_slot();
    write(*slot, {1, 2, 3});
    executable->warm(batch);
    executable->enqueue(*slot, batch);
    executable->wait(*slot);
    EXPECT_EQ(read(*slot, 0, static_cast<std::size_t>(batch)),
              std::vector<float>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(batch)));
    EXPECT_GE(executable->device_time(*slot).count(), 0);
  }
  const auto slot = executable->make_slot();
  for (const std::int64_t batch : {0, 4, -1}) {
    EXPECT_THAT([&] { executable->enqueue(*slot, batch); }, ThrowsMessage<Error>(HasSubstr("1 to 3")));
  }
  EXPECT_THROW(compile(graph, 0), Error);
}

TEST(Executable, SlotsHaveMemoryOfTheirOwn) {
  const auto executable = compile(scale_graph(), 2);
  const auto first = executable->make_slot();
  const auto second = executable->make_slot();
  write(*first, {1, 1});
  write(*second, {5, 5});
  executable->enqueue(*first, 2);
  executable->enqueue(*second, 2);
  executable->wait(*second);
  executable->wait(*first);
  EXPECT_THAT(read(*first, 0, 2), ElementsAre(12, 22));
  EXPECT_THAT(read(*second, 0, 2), ElementsAre(20, 30));
}

TEST(Executable, ParametersChangeBetweenBatches) {
  const auto executable = compile(scale_graph(), 2);
  const auto slot = executable->make_slot();
  write(*slot, {1, 1});
  Tensor gain = row({100});
  executable->set_parameter(0, gain);
  gain.mutable_values<float>()[0] = 7;  // the executable has a copy
  executable->set_parameter(1, row({1, 2}));
  executable->enqueue(*slot, 2);
  EXPECT_THAT(read(*slot, 0, 2), ElementsAre(101, 102));
  executable->set_parameter(0, row({0}));
  EXPECT_THAT(read(*slot, 0, 2), ElementsAre(101, 102));
  executable->enqueue(*slot, 2);
  EXPECT_THAT(read(*slot, 0, 2), ElementsAre(1, 2));
}

TEST(Executable, RefusesParametersOfAnotherType) {
  const auto executable = compile(scale_graph(), 3);
  EXPECT_THAT(
      [&] {
        executable->set_parameter(0, row({1, 2}));
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("gain"), HasSubstr("[1]"), HasSubstr("[2]"))));
  EXPECT_THAT([&] { executable->set_parameter(1, row({1, 2})); }, ThrowsMessage<Error>(HasSubstr("[3]")));
  EXPECT_THROW(executable->set_parameter(0, row({1}).cast(DType::kF16)), Error);
  EXPECT_THROW(executable->set_parameter(0, Tensor()), Error);
  EXPECT_THAT([&] { executable->set_parameter(2, row({1})); }, ThrowsMessage<Error>(HasSubstr("no parameter 2")));
}

TEST(Executable, OutputsMayBeAnything) {
  Builder b;
  const Value x = b.input("x", DType::kF32, {kBatch});
  const Value y = b.tanh(b.mul(x, 0.0F));
  b.output("computed", y);
  b.output("again", y);
  b.output("input", x);
  b.output("parameter", b.parameter("p", {1}, row({5})));
  b.output("constant", b.constant(row({6})));
  b.output("used_inside", b.add(y, 1.0F));
  const auto graph = b.take();
  const auto results = run_once(*compile(graph, 2), graph, std::vector<Tensor>{row({3, 4})}, 2);
  ASSERT_EQ(results.size(), 6U);
  EXPECT_THAT(list(results[0]), ElementsAre(0, 0));
  EXPECT_THAT(list(results[1]), ElementsAre(0, 0));
  EXPECT_THAT(list(results[2]), ElementsAre(3, 4));
  EXPECT_THAT(list(results[3]), ElementsAre(5));
  EXPECT_THAT(list(results[4]), ElementsAre(6));
  EXPECT_THAT(list(results[5]), ElementsAre(1, 1));
}

TEST(Executable, ABatchThatFailsLeavesItUsable) {
  Builder b;
  b.output("y", b.embedding(b.input("i", DType::kI32, {kBatch}), b.constant(row({7, 8}).reshaped({2, 1}))));
  const auto executable = compile(b.take(), 1);
  const auto slot = executable->make_slot();
  const auto run = [&](std::int32_t index) {
    std::memcpy(slot->input(0).data(), &index, sizeof index);
    executable->enqueue(*slot, 1);
    executable->wait(*slot);
    return read(*slot, 0, 1)[0];
  };
  EXPECT_EQ(run(1), 8);
  EXPECT_THAT([&] { run(2); }, ThrowsMessage<Error>(HasSubstr("index 2 in a table of 2 rows")));
  EXPECT_THROW(run(-1), Error);
  EXPECT_EQ(run(0), 7);
  EXPECT_NO_THROW(executable->wait(*slot));
}

TEST(Executable, UnalignedWeightsAreRead) {
  auto memory = std::make_shared<std::vector<std::byte>>(2 * sizeof(float) + 1);
  const float values[] = {3, 4};
  std::memcpy(memory->data() + 1, values, sizeof values);
  Builder b;
  const Tensor weight = Tensor::borrow(DType::kF32, {2}, std::span<const std::byte>(*memory).subspan(1), memory);
  b.output("y", b.mul(b.input("x", DType::kF32, {kBatch, 2}), b.constant(weight)));
  const auto graph = b.take();
  EXPECT_THAT(list(run_once(*compile(graph, 1), graph, std::vector<Tensor>{row({1, 2}).reshaped({1, 2})}, 1)[0]),
              ElementsAre(3, 8));
}

TEST(Executable, SlotsAndParametersMayBeUsedFromSeveralThreads) {
  const auto executable = compile(scale_graph(), 2);
  const auto work = [&](float value) {
    const auto slot = executable->make_slot();
    for (int i = 0; i < 200; ++i) {
      write(*slot, {value, value});
      executable->enqueue(*slot, 2);
      executable->wait(*slot);
      const float gain = (read(*slot, 0, 1)[0] - 10) / value;
      ASSERT_TRUE(gain == 2 || gain == 3) << gain;
    }
  };
  std::vector<std::thread> threads;
  for (const float value : {1.0F, 4.0F}) threads.emplace_back(work, value);
  for (int i = 0; i < 200; ++i) executable->set_parameter(0, row({i % 2 == 0 ? 3.0F : 2.0F}));
  for (auto& thread : threads) thread.join();
}

TEST(InitialParameter, RepeatsTheRowsOfSlotsInTurn) {
  const auto graph = scale_graph();
  EXPECT_THAT(list(initial_parameter(graph, 0, 5)), ElementsAre(2));
  EXPECT_THAT(list(initial_parameter(graph, 1, 5)), ElementsAre(10, 20, 10, 20, 10));
  EXPECT_THAT(list(initial_parameter(graph, 1, 1)), ElementsAre(10));
}

TEST(RunOnce, ChecksItsInputs) {
  const auto graph = scale_graph();
  const auto executable = compile(graph, 2);
  const auto run = [&](std::vector<Tensor> inputs, std::int64_t batch) {
    return run_once(*executable, graph, inputs, batch);
  };
  EXPECT_THAT(list(run({row({1, 2})}, 2)[0]), ElementsAre(12, 24));
  EXPECT_THAT(list(run({row({1})}, 1)[0]), ElementsAre(12));
  EXPECT_THAT([&] { run({}, 1); }, ThrowsMessage<Error>(HasSubstr("1 inputs, 0 were given")));
  EXPECT_THAT([&] { run({row({1})}, 2); },
              ThrowsMessage<Error>(AllOf(HasSubstr("input x"), HasSubstr("[2]"), HasSubstr("[1]"))));
  EXPECT_THROW(run({row({1}).cast(DType::kF16)}, 1), Error);
  EXPECT_THAT([&] { run({row({1, 2, 3})}, 3); }, ThrowsMessage<Error>(HasSubstr("above the largest")));
}

}  // namespace
}  // namespace comfystream::backend
