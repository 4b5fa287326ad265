// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/core/bounded_queue.hpp"
#include "comfystream/media/gstreamer/handles.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include <gst/gst.h>

namespace comfystream::media::gstreamer {

enum class WhenFull : std::uint8_t {
  kWait,        ///< the giver waits: nothing is lost (files)
  kDropOldest,  ///< the oldest sample goes, counted (live)
};

/// Decoded samples between GStreamer's thread, which pushes, and the reader's, which pops.
class SampleQueue {
 public:
  SampleQueue(std::size_t capacity, WhenFull when_full)
      : when_full_(when_full), capacity_(capacity), samples_(capacity) {}

  /// From here on a full queue holds to what `when_full` says; before, it grows. A pipeline that is being started takes
  /// locks that a waiting giver would hold, and nobody takes samples yet.
  void bound();

  /// False once closed: the giver should stop.
  bool push(Handle<GstSample> sample);
  /// No more samples will come; those that are there can still be popped.
  void end();
  /// Lets no one wait any more. Samples that are there stay until the end.
  void close();

  /// The next sample, or nothing when none came in time or none will come.
  [[nodiscard]] Handle<GstSample> pop(std::chrono::milliseconds timeout);
  [[nodiscard]] bool at_end() const;
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  WhenFull when_full_;
  std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  BoundedQueue<Handle<GstSample>> samples_;
  bool bounded_ = false;
  bool ended_ = false;
  bool closed_ = false;
  std::uint64_t dropped_ = 0;
};

}  // namespace comfystream::media::gstreamer
