// SPDX-License-Identifier: Apache-2.0
#include "comfystream/core/bounded_queue.hpp"
#include "comfystream/error.hpp"
#include "comfystream/stream/histogram.hpp"
#include "comfystream/stream/metrics.hpp"
#include "comfystream/stream/passthrough_plan.hpp"
#include "comfystream/stream/picture_pool.hpp"
#include "comfystream/stream/pixels.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::stream {
namespace {

TEST(BoundedQueue, WrapsAroundAndGrowsInOrder) {
  BoundedQueue<int> queue(3);
  for (int i = 0; i < 3; ++i) queue.push(i);
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(queue.pop(), 0);
  queue.push(3);
  queue.reserve(2);
  EXPECT_EQ(queue.capacity(), 3U);
  queue.reserve(5);
  queue.push(4);
  for (int i = 1; i < 5; ++i) EXPECT_EQ(queue.pop(), i);
  EXPECT_TRUE(queue.empty());
}

TEST(Pixels, BytesSurviveTheWayThroughFloats) {
  std::array<std::byte, 256 * 3> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i & 0xFF);
  std::array<float, 256 * 3> floats{};
  const auto as_bytes = std::as_writable_bytes(std::span(floats));
  copy_pixels(bytes, PixelFormat::kRgb8, as_bytes, PixelFormat::kRgbF32);
  EXPECT_EQ(floats[51], 51.0F / 255.0F);
  std::array<std::byte, 256 * 3> back{};
  copy_pixels(as_bytes, PixelFormat::kRgbF32, back, PixelFormat::kRgb8);
  EXPECT_EQ(back, bytes);
}

TEST(Pixels, FloatsOutsideTheRangeAreClampedAndFractionsCutOff) {
  const std::array<float, 6> floats{
      -1.0F, 2.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 0.999F, 0.5F};
  std::array<std::byte, 6> bytes{};
  copy_pixels(std::as_bytes(std::span(floats)), PixelFormat::kRgbF32, bytes, PixelFormat::kRgb8);
  EXPECT_EQ(bytes, (std::array<std::byte, 6>{std::byte{0}, std::byte{255}, std::byte{0}, std::byte{255}, std::byte{254},
                                             std::byte{127}}));
}

TEST(PicturePool, HandsTheSameMemoryOutAgain) {
  const auto pool = PicturePool::create({PixelFormat::kRgb8, 8, 4}, 1);
  const std::byte* first = nullptr;
  {
    const Picture picture = pool->take();
    first = picture.bytes().data();
    EXPECT_EQ(picture.size_bytes(), 96U);
  }
  const Picture again = pool->take();
  EXPECT_EQ(again.bytes().data(), first);
  const Picture another = pool->take();
  EXPECT_EQ(pool->size(), 2U);
}

TEST(PicturePool, LivesUntilItsLastPictureIsGone) {
  auto pool = PicturePool::create({PixelFormat::kRgbF32, 8, 4}, 2);
  Picture picture = pool->take();
  const std::weak_ptr<PicturePool> watch = pool;
  pool.reset();
  EXPECT_FALSE(watch.expired());
  picture = {};
  EXPECT_TRUE(watch.expired());
}

TEST(DurationHistogram, QuantilesAreWithinOnePercent) {
  DurationHistogram histogram;
  std::mt19937_64 random(7);
  std::vector<std::int64_t> values;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(static_cast<std::int64_t>(random() % (std::uint64_t{1} << (10 + i % 25))));
    histogram.record(Duration(values.back()));
  }
  std::sort(values.begin(), values.end());
  for (const double share : {0.0, 0.01, 0.5, 0.95, 0.99, 1.0}) {
    const auto rank = std::max<std::int64_t>(static_cast<std::int64_t>(std::ceil(share * 20000)), 1);
    const auto exact = static_cast<double>(values[static_cast<std::size_t>(rank - 1)]);
    EXPECT_NEAR(static_cast<double>(histogram.quantile(share).count()), exact, exact * 0.01 + 1) << share;
  }
  EXPECT_EQ(histogram.max().count(), values.back());
}

TEST(DurationHistogram, EdgesAndMerging) {
  DurationHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), Duration::zero());
  histogram.record(Duration(-5));
  histogram.record(Duration::max());
  EXPECT_EQ(histogram.quantile(0.0), Duration::zero());
  EXPECT_GT(histogram.max(), std::chrono::hours(9));
  DurationHistogram other;
  other.record(Duration(10));
  other.merge(histogram);
  EXPECT_EQ(other.count(), 3U);
  EXPECT_EQ(other.quantile(0.5), Duration(10));
}

TEST(Metrics, FailedBatchesDoNotCountAsBatches) {
  Metrics metrics(4);
  metrics.batch({.frames = 3, .run_size = 4, .failed = false, .device = Duration(100)});
  metrics.batch({.frames = 2, .run_size = 2, .failed = true});
  EXPECT_EQ(metrics.batches(), 1U);
  EXPECT_EQ(metrics.failed_batches(), 1U);
  EXPECT_EQ(metrics.padding_rows(), 1U);
  EXPECT_EQ(metrics.batch_sizes()[3], 1U);
  EXPECT_EQ(metrics.stage(Stage::kDevice).total(), Duration(100));
}

TEST(PassthroughPlan, RefusesImpossibleSizes) {
  EXPECT_THROW(PassthroughPlan({PixelFormat::kRgb8, 0, 4}, 1), Error);
  EXPECT_THROW(PassthroughPlan({PixelFormat::kRgb8, 4, 4}, 0), Error);
}

}  // namespace
}  // namespace comfystream::stream
