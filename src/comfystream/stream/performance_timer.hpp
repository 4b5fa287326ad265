// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/core/clock.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace comfystream::stream {

/// What was measured under one operation's name.
struct OperationTimes {
  std::uint64_t batches = 0;
  std::uint64_t images = 0;  ///< padding does not count
  Duration busy{0};          ///< time in which at least one batch was under way
  double fps = 0;            ///< images / busy
  double average_time = 0;   ///< busy / images, seconds
  double average_batch_size = 0;
  /// FPS over the FPS of batch 1, and that over the batch size; empty while batch 1 has not been measured.
  std::optional<double> gain;
  std::optional<double> efficiency;
};

/// Times named operations over many batches: what StartPerformanceTimerNode and PerformanceTimerNode stand for. All
/// members may be called from any thread. A name allocates when it is first seen, nothing afterwards.
class PerformanceTimer {
 public:
  /// `clock` is SteadyClock when not given.
  explicit PerformanceTimer(std::shared_ptr<Clock> clock = nullptr);

  /// A batch begins. Starting an operation that is under way begins it anew.
  void start(const std::string& operation);
  /// The batch that began last ends: `images` frames in a batch of `batch_size` rows. Without a start it counts
  /// nothing.
  void stop(const std::string& operation, int images, int batch_size);
  /// A batch that was timed elsewhere: `images` frames in a batch of `batch_size` rows, from `begin` to `end`. Batches
  /// may overlap; they are recorded in the order of their ends.
  void record(const std::string& operation, TimePoint begin, TimePoint end, int images, int batch_size);
  /// What batches of `batch_size` gain over batch 1 in frames a second, measured in turns on its own. Without it, the
  /// recorded batches of one row serve as batch 1, the first of them (which warms up) left out.
  void set_gain(const std::string& operation, double ratio, int batch_size);

  /// Zeros for a name that was not seen.
  [[nodiscard]] OperationTimes times(const std::string& operation) const;
  /// ComfyStream's summary, and two lines more per operation:
  ///   Performance Summary:
  ///   Total Images Processed: 10
  ///   Total FPS: 12.34                      images over the time from the first start to the last end
  ///   Average Batch Size: 2.00
  ///   workflow_execution_fps: 12.3400
  ///   workflow_execution_avg_time: 0.0810
  ///   workflow_execution_gain_over_batch_1: 1.8000      or "not measured"
  ///   workflow_execution_efficiency: 0.9000             or "not measured"
  /// Images are those of the operation that saw the most.
  [[nodiscard]] std::string summary() const;
  void reset();

 private:
  struct Operation {
    std::optional<TimePoint> started;
    TimePoint first_begin = TimePoint::max();
    TimePoint last_end = TimePoint::min();
    Duration busy{0};
    Duration single_busy{0};
    std::uint64_t single_images = 0;  ///< in batches of one row, the first left out; their time is single_busy
    bool seen_single = false;
    std::uint64_t batches = 0;
    std::uint64_t images = 0;
    std::optional<double> gain;
    int gain_batch_size = 1;

    void record(TimePoint begin, TimePoint end, int images_of_batch, int batch_size);
    [[nodiscard]] OperationTimes times() const;
  };

  std::shared_ptr<Clock> clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Operation> operations_;
};

}  // namespace comfystream::stream
