// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/performance_timer.hpp"

#include "comfystream/core/manual_clock.hpp"

#include <gtest/gtest.h>

namespace comfystream::stream {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint at(int ms) { return TimePoint(std::chrono::milliseconds(1000 + ms)); }

TEST(PerformanceTimer, SummaryIsUpstreamsWithGainAndEfficiency) {
  auto clock = std::make_shared<ManualClock>();
  PerformanceTimer timer(clock);
  timer.set_gain("workflow_execution", 1.5, 2);
  for (int batch = 0; batch < 5; ++batch) {
    timer.start("workflow_execution");
    clock->advance(100ms);
    timer.stop("workflow_execution", 2, 2);
    if (batch < 4) clock->advance(25ms);
  }
  EXPECT_EQ(timer.summary(),
            "Performance Summary:\n"
            "Total Images Processed: 10\n"
            "Total FPS: 16.67\n"
            "Average Batch Size: 2.00\n"
            "workflow_execution_fps: 20.0000\n"
            "workflow_execution_avg_time: 0.0500\n"
            "workflow_execution_gain_over_batch_1: 1.5000\n"
            "workflow_execution_efficiency: 0.7500\n");
}

TEST(PerformanceTimer, WithoutBatchOneTheGainIsNotMeasured) {
  PerformanceTimer timer(std::make_shared<ManualClock>());
  timer.record("total", at(0), at(100), 2, 2);
  EXPECT_FALSE(timer.times("total").gain);
  EXPECT_NE(timer.summary().find("total_gain_over_batch_1: not measured\n"), std::string::npos);
}

TEST(PerformanceTimer, BatchesOfOneThatWereSeenServeAsTheBase) {
  PerformanceTimer timer;
  timer.record("op", at(0), at(500), 1, 1);
  EXPECT_FALSE(timer.times("op").gain) << "the first one warms up";
  timer.record("op", at(500), at(600), 1, 1);
  timer.record("op", at(600), at(800), 8, 8);
  const OperationTimes times = timer.times("op");
  EXPECT_DOUBLE_EQ(times.fps, 12.5);
  EXPECT_DOUBLE_EQ(times.gain.value(), 1.25);
  EXPECT_DOUBLE_EQ(times.efficiency.value(), 0.375);
}

TEST(PerformanceTimer, OneFrameInAPaddedBatchIsNotBatchOne) {
  PerformanceTimer timer;
  timer.record("op", at(0), at(100), 1, 2);
  EXPECT_FALSE(timer.times("op").gain);
}

TEST(PerformanceTimer, OverlappingBatchesShareTheirTime) {
  PerformanceTimer timer;
  timer.record("op", at(0), at(100), 2, 2);
  timer.record("op", at(50), at(150), 2, 2);
  timer.record("op", at(500), at(550), 2, 2);
  EXPECT_EQ(timer.times("op").busy, Duration(200ms));
  EXPECT_DOUBLE_EQ(timer.times("op").fps, 30.0);
}

TEST(PerformanceTimer, NothingSeenIsZeroAndStopWithoutStartCountsNothing) {
  PerformanceTimer timer;
  timer.stop("op", 2, 2);
  EXPECT_EQ(timer.times("op").images, 0U);
  EXPECT_EQ(timer.summary(),
            "Performance Summary:\nTotal Images Processed: 0\nTotal FPS: 0.00\nAverage Batch Size: 0.00\n");
  timer.record("op", at(0), at(1), 1, 1);
  timer.reset();
  EXPECT_EQ(timer.times("op").batches, 0U);
}

}  // namespace
}  // namespace comfystream::stream
