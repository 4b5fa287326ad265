// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/core/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace comfystream::stream {

/// What happens when a frame finds its queue full.
enum class QueuePolicy : std::uint8_t {
  kDropOldest,  ///< the frame that has waited longest leaves as dropped
  kDropNewest,  ///< the frame that comes leaves as dropped
  kBlock,       ///< the sender waits: n frames in, n frames out
};

/// "drop_oldest", "drop_newest" or "block". Short enough that a std::string of it needs no memory of its own.
[[nodiscard]] std::string_view to_string(QueuePolicy policy) noexcept;
/// The policy of that name, or Error(kInvalidArgument) that lists the names.
[[nodiscard]] QueuePolicy parse_queue_policy(std::string_view name);

/// How long the oldest waiting frame of a stream may be held back for a fuller batch.
struct MaxDelay {
  enum class Kind : std::uint8_t {
    kFixed,         ///< `allowance` from the frame's arrival; 0 is greedy
    kHalfInterval,  ///< half the measured frame interval (live sources)
    kUntilFull,     ///< until the batch is full or the source ends (offline sources)
  };
  Kind kind = Kind::kHalfInterval;
  Duration allowance{0};

  [[nodiscard]] static constexpr MaxDelay fixed(Duration allowance) { return {Kind::kFixed, allowance}; }
  [[nodiscard]] static constexpr MaxDelay half_interval() { return {Kind::kHalfInterval, {}}; }
  [[nodiscard]] static constexpr MaxDelay until_full() { return {Kind::kUntilFull, {}}; }
};

struct StreamOptions {
  QueuePolicy policy = QueuePolicy::kDropOldest;
  MaxDelay max_delay{};
  /// Frames that may wait to run, and results with a picture that may wait to be taken; each at least 2, or 0 for twice
  /// the plan's largest batch. Below the largest batch it also bounds the batches that this stream can fill.
  std::size_t input_capacity = 0;
  std::size_t output_capacity = 0;
  /// Told when a result may be there to be taken, or (kBlock) room for a frame: for those who cannot wait in a thread.
  /// Called under the pipeline's lock, from any thread: it must not block, throw, or call the pipeline.
  std::function<void()> on_change{};

  /// What a source that can wait (a file) needs: nothing dropped, full batches.
  [[nodiscard]] static StreamOptions offline() {
    return {.policy = QueuePolicy::kBlock, .max_delay = MaxDelay::until_full()};
  }
};

/// What submit did with a frame.
enum class SubmitStatus : std::uint8_t {
  kAccepted,  ///< it entered; its result will come
  kDropped,   ///< it entered and was dropped at once (drop_newest); its result will come
  kRefused,  ///< it did not enter: too many results wait to be taken (drop policies), or room had not come (try_submit)
  kClosed,   ///< it did not enter: the stream has ended, is stopped, or is not open
};

/// Frames of a stream. Each that entered is counted once more, under its outcome, when its result is taken.
struct StreamCounters {
  std::uint64_t entered = 0;
  std::uint64_t done = 0;
  std::uint64_t passthrough = 0;
  std::uint64_t dropped = 0;
  std::uint64_t failed = 0;
  std::uint64_t flushed = 0;
  std::uint64_t refused = 0;  ///< did not enter

  [[nodiscard]] std::uint64_t left() const noexcept { return done + passthrough + dropped + failed + flushed; }
  StreamCounters& operator+=(const StreamCounters& other) noexcept;
};

}  // namespace comfystream::stream
