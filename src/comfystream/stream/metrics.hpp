// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/stream/histogram.hpp"
#include "comfystream/stream/stream_options.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace comfystream::stream {

/// Where the time of a frame or batch goes, in the order in which it happens.
enum class Stage : std::uint8_t {
  kCollect,     ///< per frame: from entering to joining a batch
  kUpload,      ///< per batch: writing the input rows, conversion and padding included, and starting the batch
  kInFlight,    ///< per batch: from started to finished, by the host's clock
  kDevice,      ///< per batch: the part of it that the device spent, by the device's clock
  kDownload,    ///< per batch: copying the output rows into pictures
  kOutputWait,  ///< per frame: from finished to taken
};
inline constexpr std::size_t kStages = 6;
[[nodiscard]] std::string_view to_string(Stage stage) noexcept;

/// One batch that ran.
struct BatchRecord {
  int frames = 0;    ///< rows that were frames
  int run_size = 0;  ///< rows that ran; the rest was padding
  bool failed = false;
  Duration upload{0};
  Duration in_flight{0};
  Duration device{0};
  Duration download{0};
};

/// Frames of one stream, or of all, on their way out.
struct Flow {
  StreamCounters counters;
  DurationHistogram latency;  ///< arrival to exit of the frames that left with a picture
  TimePoint first_entered = TimePoint::max();
  TimePoint last_left = TimePoint::min();

  void entered(TimePoint now) noexcept;
  void left(Duration latency_of_frame, TimePoint now) noexcept;
  void merge(const Flow& other) noexcept;
  /// Frames that left with a picture per second, from the first frame's entry to the last one's exit.
  [[nodiscard]] double fps() const noexcept;
};

/// What a pipeline knows about its batches. Has no lock; allocates in the constructor and in allow_batch only.
class Metrics {
 public:
  explicit Metrics(int largest_batch = 1) { allow_batch(largest_batch); }

  void allow_batch(int largest_batch);
  void batch(const BatchRecord& record) noexcept;
  void stage(Stage stage, Duration time) noexcept { stages_[static_cast<std::size_t>(stage)].record(time); }

  [[nodiscard]] const DurationHistogram& stage(Stage stage) const noexcept {
    return stages_[static_cast<std::size_t>(stage)];
  }
  /// Element n: batches that carried n frames.
  [[nodiscard]] const std::vector<std::uint64_t>& batch_sizes() const noexcept { return batch_sizes_; }
  [[nodiscard]] std::uint64_t batches() const noexcept { return batches_; }
  [[nodiscard]] std::uint64_t failed_batches() const noexcept { return failed_batches_; }
  [[nodiscard]] std::uint64_t padding_rows() const noexcept { return padding_rows_; }

 private:
  std::array<DurationHistogram, kStages> stages_;
  std::vector<std::uint64_t> batch_sizes_;
  std::uint64_t batches_ = 0;
  std::uint64_t failed_batches_ = 0;
  std::uint64_t padding_rows_ = 0;
};

}  // namespace comfystream::stream
