// SPDX-License-Identifier: Apache-2.0
// Random histories of cache and collector, in one thread and made-up time: what holds for all of them.
#include "comfystream/stream/batch_collector.hpp"
#include "comfystream/stream/fake_plan.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace comfystream::stream {
namespace {

constexpr PictureSpec kSmall{PixelFormat::kRgb8, 4, 2};

struct StreamModel {
  std::unique_ptr<TensorCache> cache;
  std::uint64_t offered = 0;
  std::deque<std::uint64_t> expected;  ///< ids that entered and have not left
  std::set<std::uint64_t> in_batch;
  StreamCounters seen;
};

struct Flying {
  struct Item {
    StreamModel* stream;
    std::uint64_t ticket;
    Frame frame;
  };
  std::vector<Item> items;
};

/// One random history: arrivals, batches, failures, flushes and takings in any order.
class History {
 public:
  explicit History(std::uint32_t seed) : random_(seed) {
    max_batch_ = below(8) + 1;
    const int streams = below(3) + 1;
    for (int i = 0; i < streams; ++i) {
      StreamOptions options;
      options.policy = static_cast<QueuePolicy>(below(3));
      options.max_delay = std::array{MaxDelay::fixed({}), MaxDelay::fixed(Duration(50)), MaxDelay::half_interval(),
                                     MaxDelay::until_full()}[static_cast<std::size_t>(below(4))];
      options.input_capacity = below(3) == 0 ? 0 : static_cast<std::size_t>(below(10) + 2);
      options.output_capacity = below(3) == 0 ? 0 : static_cast<std::size_t>(below(10) + 2);
      streams_.push_back(
          {std::make_unique<TensorCache>(static_cast<std::uint32_t>(i), options, max_batch_), 0, {}, {}, {}});
      collector_.add(*streams_.back().cache);
    }
  }

  void run() {
    for (int step = 0; step < 400; ++step) {
      now_ += Duration(below(40));
      StreamModel& stream = streams_[static_cast<std::size_t>(below(static_cast<int>(streams_.size())))];
      switch (below(8)) {
        case 0:
        case 1:
        case 2:
          arrive(stream);
          break;
        case 3:
        case 4:
          start();
          break;
        case 5:
          land();
          break;
        case 6:
          take(stream);
          break;
        default:
          if (below(12) == 0) stream.cache->flush(now_);
      }
      if (testing::Test::HasFatalFailure()) return;
    }
    close();
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint32_t>(n)); }

  void arrive(StreamModel& stream) {
    for (int burst = below(4); burst >= 0; --burst) {
      Frame frame = marked_frame(stream.cache->stream_id(), stream.offered, kSmall);
      const TensorCache::Pushed pushed = stream.cache->push(std::move(frame), now_);
      if (pushed.status == SubmitStatus::kAccepted || pushed.status == SubmitStatus::kDropped) {
        stream.expected.push_back(stream.offered);
      } else {
        // NOLINTNEXTLINE(bugprone-use-after-move): what is refused stays with its sender
        ASSERT_FALSE(frame.picture.empty());
      }
      ++stream.offered;
      ASSERT_LE(stream.cache->waiting(), stream.cache->input_capacity());
    }
  }

  void start() {
    if (flying_.size() >= 2) return;
    const auto decision = collector_.decide(max_batch_, !flying_.empty(), now_);
    ASSERT_LE(decision.frames, max_batch_);
    if (decision.frames == 0) return;
    Flying batch;
    for (int i = 0; i < decision.frames; ++i) {
      TensorCache& cache = collector_.next_stream();
      auto& stream = *std::find_if(streams_.begin(), streams_.end(), [&](auto& s) { return s.cache.get() == &cache; });
      TensorCache::Taken taken = cache.take(now_);
      ASSERT_TRUE(stream.in_batch.insert(taken.frame.id).second) << "a frame runs once";
      batch.items.push_back({&stream, taken.ticket, std::move(taken.frame)});
    }
    flying_.push_back(std::move(batch));
  }

  void land() {
    if (flying_.empty()) return;
    // Any batch may land first: the caches keep the order.
    const auto which = flying_.begin() + below(static_cast<int>(flying_.size()));
    const int fault = below(6);
    for (auto& item : which->items) {
      FrameOutcome outcome = fault == 0 ? FrameOutcome::kFailed : FrameOutcome::kDone;
      if (fault == 1) outcome = FrameOutcome::kPassthrough;
      if (outcome == FrameOutcome::kFailed) item.frame.picture = {};
      const Picture evicted =
          item.stream->cache->finish(item.ticket, outcome, std::move(item.frame), fault < 2 ? "fault" : "", now_);
    }
    flying_.erase(which);
  }

  void take(StreamModel& stream) {
    for (int n = below(6); n >= 0; --n) {
      auto exit = stream.cache->pop(now_);
      if (!exit) return;
      check(stream, exit->result);
      if (testing::Test::HasFatalFailure()) return;
    }
  }

  void check(StreamModel& stream, const FrameResult& result) {
    ASSERT_FALSE(stream.expected.empty()) << "a frame left twice or was never there";
    ASSERT_EQ(result.frame.id, stream.expected.front()) << "order";
    stream.expected.pop_front();
    const bool has_picture = result.outcome == FrameOutcome::kDone || result.outcome == FrameOutcome::kPassthrough;
    ASSERT_EQ(!result.frame.picture.empty(), has_picture);
    if (has_picture) {
      ASSERT_EQ(std::to_integer<int>(result.frame.picture.bytes()[0]),
                mark_of(stream.cache->stream_id(), result.frame.id));
    }
    if (result.outcome == FrameOutcome::kDropped) {
      ASSERT_EQ(result.reason, to_string(stream.cache->options().policy));
      ASSERT_NE(stream.cache->options().policy, QueuePolicy::kBlock) << "block never drops";
    }
    if (result.outcome == FrameOutcome::kFlushed) {
      ASSERT_FALSE(stream.in_batch.contains(result.frame.id));
    }
  }

  /// Every source ends: all that is left must run and leave.
  void close() {
    for (auto& stream : streams_) stream.cache->end();
    for (int round = 0; round < 10000; ++round) {
      bool left = false;
      start();
      land();
      for (auto& stream : streams_) {
        take(stream);
        left = left || !stream.cache->drained();
      }
      if (testing::Test::HasFatalFailure()) return;
      if (!left) break;
    }
    for (auto& stream : streams_) {
      ASSERT_TRUE(stream.cache->drained()) << "a frame was stuck";
      ASSERT_TRUE(stream.expected.empty());
      const StreamCounters& counters = stream.cache->counters();
      ASSERT_EQ(counters.entered, counters.left());
      ASSERT_EQ(counters.entered + counters.refused, stream.offered);
    }
  }

  std::mt19937 random_;
  int max_batch_ = 1;
  TimePoint now_{std::chrono::seconds(1)};
  std::vector<StreamModel> streams_;
  std::vector<Flying> flying_;
  BatchCollector collector_;
};

TEST(Simulation, EveryFrameLeavesExactlyOnceAndInOrder) {
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    History(seed).run();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace comfystream::stream
