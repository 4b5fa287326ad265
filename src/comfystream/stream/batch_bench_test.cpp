// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/batch_bench.hpp"

#include "comfystream/core/manual_clock.hpp"
#include "comfystream/error.hpp"
#include "comfystream/stream/fake_plan.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace comfystream::stream {
namespace {

using namespace std::chrono_literals;

class BatchBenchTest : public testing::Test {
 protected:
  BatchBenchTest() {
    frames_.push_back(std::move(marked_frame(0, 1).picture));
    options_.clock = clock_;
    options_.frames = 8;
    options_.rounds = 3;
    options_.slots = 1;
  }

  /// A device that needs 10 ms a batch and 10 ms a row, by the made-up clock.
  std::shared_ptr<BatchPlan> device() {
    FakePlanOptions options;
    options.max_batch = 8;
    options.on_wait = [this](int rows) {
      rows_ += rows;
      clock_->advance(10ms + rows * 10ms);
    };
    options.device_time = [](int rows) { return 10ms + rows * 10ms; };
    return std::make_shared<FakePlan>(std::move(options));
  }

  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  std::vector<Picture> frames_;
  BenchOptions options_;
  int rows_ = 0;
};

TEST_F(BatchBenchTest, RatiosAndEfficiencyAgainstBatchOne) {
  const auto plan = device();
  const auto rows = run_batch_bench({{1, plan}, {4, plan}}, frames_, options_);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_NEAR(rows[0].fps.median, 50.0, 1e-9);
  EXPECT_NEAR(rows[1].fps.median, 80.0, 1e-9);
  EXPECT_NEAR(rows[1].ms_per_image.median, 12.5, 1e-9);
  EXPECT_NEAR(rows[1].device_ms.median, 50.0, 1e-9);
  EXPECT_NEAR(rows[1].latency_ms.median, 50.0, 1e-9);
  EXPECT_NEAR(rows[0].throughput_ratio.value().median, 1.0, 1e-9);
  EXPECT_NEAR(rows[1].throughput_ratio.value().median, 1.6, 1e-9);
  EXPECT_NEAR(rows[1].efficiency.value(), 0.4, 1e-9);
}

TEST_F(BatchBenchTest, RunsWholeBatchesInEachRoundAndTheWarmUp) {
  options_.frames = 9;
  (void)run_batch_bench({{4, device()}}, frames_, options_);
  EXPECT_EQ(rows_, (2 + 3 * 3) * 4);
}

TEST_F(BatchBenchTest, SlotsInFlightOverlap) {
  options_.slots = 3;
  const auto rows = run_batch_bench({{2, device()}}, frames_, options_);
  EXPECT_NEAR(rows[0].fps.median, 2000.0 / 30, 1e-9) << "this device does one batch at a time";
  EXPECT_NEAR(rows[0].latency_ms.median, 75.0, 1e-9) << "batches queue behind each other: 30, 60, 90, 90 ms";
}

TEST_F(BatchBenchTest, WithoutBatchOneThereIsNoRatio) {
  const auto rows = run_batch_bench({{2, device()}}, frames_, options_);
  EXPECT_FALSE(rows[0].throughput_ratio);
  EXPECT_FALSE(to_json(rows)[0].contains("efficiency"));
}

TEST_F(BatchBenchTest, RefusesWhatThePlanCannotRun) {
  EXPECT_THROW((void)run_batch_bench({{9, device()}}, frames_, options_), Error);
  EXPECT_THROW((void)run_batch_bench({{1, device()}}, {}, options_), Error);
  frames_.emplace_back(PixelFormat::kRgb8, 5, 5);
  EXPECT_THROW((void)run_batch_bench({{1, device()}}, frames_, options_), Error);
}

TEST_F(BatchBenchTest, SpreadIsMedianAndExtremes) {
  const Spread spread = spread_of({4.0, 1.0, 3.0, 2.0});
  EXPECT_DOUBLE_EQ(spread.median, 2.5);
  EXPECT_DOUBLE_EQ(spread.low, 1.0);
  EXPECT_DOUBLE_EQ(spread.high, 4.0);
}

TEST_F(BatchBenchTest, TableHasARowPerBatchSize) {
  const auto plan = device();
  const std::string table = to_table(run_batch_bench({{1, plan}, {2, plan}}, frames_, options_));
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 3);
  EXPECT_NE(table.find("66.67"), std::string::npos);
}

}  // namespace
}  // namespace comfystream::stream
