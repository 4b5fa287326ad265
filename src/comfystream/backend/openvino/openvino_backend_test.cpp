// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/openvino_backend.hpp"

#include "comfystream/backend/openvino/save_ir.hpp"
#include "comfystream/backend/openvino/test_networks.hpp"
#include "comfystream/backend/reference/reference_backend.hpp"
#include "comfystream/error.hpp"

#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace comfystream::backend::openvino {
namespace {

using testing::HasSubstr;

constexpr double kTolerance = 1e-5;
constexpr std::int64_t kRowElements = 16 * 7 * 5;

std::unique_ptr<Executable> compile(const graph::Graph& graph, std::int64_t max_batch) {
  return make_openvino_backend()->compile(graph, {.max_batch = max_batch});
}

std::vector<float> expected_of(const graph::Graph& graph, const Tensor& x, std::int64_t batch) {
  const auto executable = make_reference_backend()->compile(graph, {.max_batch = batch});
  const auto outputs = run_once(*executable, graph, std::vector<Tensor>{x}, batch);
  return {outputs.front().values<float>().begin(), outputs.front().values<float>().end()};
}

TEST(OpenVinoBackend, OneExecutableServesEveryBatchSizeInAnyOrder) {
  const graph::Graph graph = make_block(7, 5, DType::kF32);
  const auto executable = compile(graph, 8);
  const auto slot = executable->make_slot();
  for (const std::int64_t batch : {4, 1, 8, 3, 8, 1}) {
    const Tensor x = random_tensor({batch, 16, 7, 5}, static_cast<std::uint32_t>(100 + batch));
    write_input(*slot, 0, x);
    executable->enqueue(*slot, batch);
    executable->wait(*slot);
    EXPECT_LT(relative_error(output_floats(*slot, 0, batch * kRowElements), expected_of(graph, x, batch)), kTolerance)
        << "batch " << batch;
    EXPECT_GT(executable->device_time(*slot).count(), 0);
  }
}

TEST(OpenVinoBackend, AStaticBatchOfOneComputesTheSame) {
  const graph::Graph graph = make_block(7, 5, DType::kF32);
  const Tensor x = random_tensor({1, 16, 7, 5}, 5);
  const auto outputs = run_once(*compile(graph, 1), graph, std::vector<Tensor>{x}, 1);
  EXPECT_LT(relative_error(outputs.front().values<float>(), expected_of(graph, x, 1)), kTolerance);
}

TEST(OpenVinoBackend, WeightsStoredInHalfPrecisionComputeInSingle) {
  for (const DType dtype : {DType::kF16, DType::kBF16}) {
    const graph::Graph graph = make_block(7, 5, dtype);
    const Tensor x = random_tensor({3, 16, 7, 5}, 6);
    const auto outputs = run_once(*compile(graph, 3), graph, std::vector<Tensor>{x}, 3);
    EXPECT_LT(relative_error(outputs.front().values<float>(), expected_of(graph, x, 3)), kTolerance)
        << to_string(dtype);
  }
}

TEST(OpenVinoBackend, SlotsRunFromSeveralThreads) {
  const graph::Graph graph = make_block(7, 5, DType::kF32);
  const auto executable = compile(graph, 4);
  std::vector<double> worst(4, 0.0);
  {
    std::vector<std::jthread> threads;
    for (std::size_t index = 0; index < worst.size(); ++index) {
      threads.emplace_back([&, index] {
        const auto batch = static_cast<std::int64_t>(index + 1);
        const Tensor x = random_tensor({batch, 16, 7, 5}, static_cast<std::uint32_t>(index + 1));
        const auto expected = expected_of(graph, x, batch);
        const auto slot = executable->make_slot();
        write_input(*slot, 0, x);
        for (int round = 0; round < 10; ++round) {
          executable->enqueue(*slot, batch);
          executable->wait(*slot);
          worst[index] =
              std::max(worst[index], relative_error(output_floats(*slot, 0, batch * kRowElements), expected));
        }
      });
    }
  }
  for (const double error : worst) {
    EXPECT_LT(error, kTolerance);
  }
}

TEST(OpenVinoBackend, WeightsAreBorrowedAndKeptAlive) {
  auto held = std::make_shared<Tensor>(random_tensor({3, 3}, 9));
  const std::weak_ptr<Tensor> watch = held;
  graph::Builder builder;
  const graph::Value x = builder.input("x", DType::kF32, graph::SymShape{graph::kBatch, 3});
  builder.output("y", builder.linear(x, builder.weight(Tensor::borrow(DType::kF32, {3, 3}, held->bytes(), held))));
  const Tensor weight = held->clone();
  auto executable = [&] {
    const graph::Graph graph = builder.take();
    return compile(graph, 4);
  }();
  held.reset();
  ASSERT_FALSE(watch.expired());

  auto slot = executable->make_slot();
  executable.reset();
  ASSERT_FALSE(watch.expired()) << "a slot alone must keep what it runs on";
  slot.reset();
  EXPECT_TRUE(watch.expired());
}

TEST(OpenVinoBackend, ABatchOutsideTheBoundsIsAnError) {
  const graph::Graph graph = make_block(7, 5, DType::kF32);
  const auto executable = compile(graph, 2);
  const auto slot = executable->make_slot();
  for (const std::int64_t batch : {-1, 0, 3}) {
    try {
      executable->enqueue(*slot, batch);
      FAIL() << "a batch of " << batch << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.message(), HasSubstr("1..2"));
    }
  }
  const Tensor x = random_tensor({2, 16, 7, 5}, 3);
  write_input(*slot, 0, x);
  executable->enqueue(*slot, 2);
  executable->wait(*slot);
  EXPECT_LT(relative_error(output_floats(*slot, 0, 2 * kRowElements), expected_of(graph, x, 2)), kTolerance);
  EXPECT_THROW(static_cast<void>(compile(graph, 0)), Error);
}

TEST(OpenVinoBackend, ASlotOfAnotherExecutableIsRefused) {
  const graph::Graph graph = make_block(7, 5, DType::kF32);
  const auto one = compile(graph, 1);
  const auto other = compile(graph, 1);
  const auto slot = other->make_slot();
  EXPECT_THROW(one->enqueue(*slot, 1), Error);
}

TEST(OpenVinoBackend, ABatchKeepsTheParametersItStartedWith) {
  graph::Builder builder;
  const graph::Value x = builder.input("x", DType::kF32, graph::SymShape{graph::kBatch, 2});
  const graph::Value gain = builder.parameter("gain", graph::SymShape{1}, Tensor::from<float>({1}, {1.0F}));
  const graph::Value shift =
      builder.parameter("shift", graph::SymShape{graph::kBatch, 2}, Tensor::from<float>({1, 2}, {0.5F, 0.25F}));
  builder.output("y", builder.add(builder.mul(x, gain), shift));
  const graph::Graph graph = builder.take();
  const auto executable = compile(graph, 3);
  const auto slot = executable->make_slot();
  write_input(*slot, 0, Tensor::from<float>({2, 2}, {1, 2, 3, 4}));

  executable->enqueue(*slot, 2);
  executable->set_parameter(0, Tensor::from<float>({1}, {10.0F}));
  executable->set_parameter(1, Tensor::from<float>({3, 2}, {1, 1, 2, 2, 3, 3}));
  executable->wait(*slot);
  EXPECT_THAT(output_floats(*slot, 0, 4), testing::ElementsAre(1.5F, 2.25F, 3.5F, 4.25F));

  executable->enqueue(*slot, 2);
  executable->wait(*slot);
  EXPECT_THAT(output_floats(*slot, 0, 4), testing::ElementsAre(11, 21, 32, 42));
  EXPECT_THROW(executable->set_parameter(0, Tensor::from<float>({2}, {1, 2})), Error);
  EXPECT_THROW(executable->set_parameter(2, Tensor::from<float>({1}, {1.0F})), Error);
}

TEST(OpenVinoBackend, GraphsWithoutInputsRun) {
  graph::Builder builder;
  const graph::Value value = builder.parameter("v", graph::SymShape{1, 3}, Tensor::from<float>({1, 3}, {1, 2, 3}));
  builder.output("doubled", builder.mul(value, 2.0F));
  builder.output("rows", builder.expand_batch(value));
  builder.output("fixed", builder.constant(Tensor::from<float>({2}, {7, 8})));
  const graph::Graph graph = builder.take();
  for (const std::int64_t max_batch : {1, 4}) {
    const auto outputs = run_once(*compile(graph, max_batch), graph, {}, max_batch);
    EXPECT_THAT(outputs[0].values<float>(), testing::ElementsAre(2, 4, 6));
    EXPECT_EQ(outputs[1].shape(), (Shape{max_batch, 3}));
    EXPECT_EQ(outputs[1].values<float>().back(), 3.0F);
    EXPECT_THAT(outputs[2].values<float>(), testing::ElementsAre(7, 8));
  }
}

TEST(OpenVinoBackend, OutputsMayBeSourcesAndEachOther) {
  for (const bool computes : {true, false}) {
    graph::Builder builder;
    const graph::Value x = builder.input("x", DType::kU8, graph::SymShape{graph::kBatch, 2});
    const graph::Value p = builder.parameter("p", graph::SymShape{graph::kBatch}, Tensor::from<float>({3}, {5, 6, 7}));
    builder.output("first", x);
    builder.output("second", x);
    builder.output("parameter", p);
    if (computes) {
      const graph::Value sum = builder.add(builder.cast(x, DType::kF32), 1.0F);
      builder.output("sum", sum);
      builder.output("sum again", sum);
      builder.output("flat", builder.reshape(x, graph::SymShape{graph::Dim(2, true)}));
    }
    const graph::Graph graph = builder.take();
    Tensor rows(DType::kU8, {2, 2});
    std::memcpy(rows.mutable_bytes().data(), "abcd", 4);
    const auto outputs = run_once(*compile(graph, 3), graph, std::vector<Tensor>{rows}, 2);
    EXPECT_EQ(std::memcmp(outputs[0].bytes().data(), "abcd", 4), 0);
    EXPECT_EQ(std::memcmp(outputs[1].bytes().data(), "abcd", 4), 0);
    EXPECT_THAT(outputs[2].values<float>(), testing::ElementsAre(5, 6));
    if (computes) {
      EXPECT_THAT(outputs[3].values<float>(), testing::ElementsAre(98, 99, 100, 101));
      EXPECT_THAT(outputs[4].values<float>(), testing::ElementsAre(98, 99, 100, 101));
      EXPECT_EQ(std::memcmp(outputs[5].bytes().data(), "abcd", 4), 0);
    }
  }
}

TEST(OpenVinoBackend, WarmingNeedsNoSlotAndChangesNothing) {
  const graph::Graph graph = make_block(7, 5, DType::kF32);
  const auto executable = compile(graph, 3);
  const auto slot = executable->make_slot();
  const Tensor x = random_tensor({2, 16, 7, 5}, 3);
  write_input(*slot, 0, x);
  executable->enqueue(*slot, 2);
  std::jthread([&] { executable->warm(3); }).join();
  executable->wait(*slot);
  EXPECT_LT(relative_error(output_floats(*slot, 0, 2 * kRowElements), expected_of(graph, x, 2)), kTolerance);
  EXPECT_THROW(executable->warm(4), Error);
}

TEST(OpenVinoBackend, TimesAreKeptByScopeWhenAskedFor) {
  const graph::Graph graph = make_block(7, 5, DType::kF32);
  const Tensor x = random_tensor({1, 16, 7, 5}, 3);
  const auto plain = compile(graph, 1);
  static_cast<void>(run_once(*plain, graph, std::vector<Tensor>{x}, 1));
  EXPECT_TRUE(plain->time_by_scope().empty());

  const auto profiled = make_openvino_backend()->compile(graph, {.max_batch = 1, .profile_nodes = true});
  static_cast<void>(run_once(*profiled, graph, std::vector<Tensor>{x}, 1));
  const auto times = profiled->time_by_scope();
  ASSERT_TRUE(times.contains("KSampler#3"));
  EXPECT_GT(times.at("KSampler#3").count(), 0);
}

TEST(OpenVinoBackend, AFailureOfTheDeviceNamesIt) {
  const auto backend = make_openvino_backend("NOSUCH");
  EXPECT_FALSE(backend->devices().front().available.empty());
  try {
    static_cast<void>(backend->compile(make_block(7, 5, DType::kF32), {}));
    FAIL() << "compiled for a device that does not exist";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBackend);
    EXPECT_THAT(error.message(), HasSubstr("NOSUCH"));
  }
}

TEST(OpenVinoBackend, TheNetworkCanBeWrittenAsIr) {
  const auto path = std::filesystem::temp_directory_path() / "comfystream_openvino_test.xml";
  save_ir(make_block(7, 5, DType::kF16), 4, path);
  EXPECT_GT(std::filesystem::file_size(path), 0U);
  auto weights = path;
  EXPECT_GT(std::filesystem::file_size(weights.replace_extension(".bin")), 0U);
  std::filesystem::remove(path);
  std::filesystem::remove(weights);
  EXPECT_THROW(save_ir(make_block(7, 5, DType::kF16), 4, "/proc/none/network.xml"), Error);
}

}  // namespace
}  // namespace comfystream::backend::openvino
