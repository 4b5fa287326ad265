// SPDX-License-Identifier: Apache-2.0
// Parts of the pipeline; used by its sources only.
#pragma once

#include "comfystream/stream/metrics.hpp"
#include "comfystream/stream/prepared_plan.hpp"
#include "comfystream/stream/tensor_cache.hpp"

#include <condition_variable>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace comfystream::stream {

/// An open stream. Everything in it is guarded by the pipeline's mutex.
struct OpenStream {
  OpenStream(std::uint32_t stream_id, const StreamOptions& options, int largest_batch)
      : cache(stream_id, options, largest_batch) {}

  TensorCache cache;
  Flow flow;
  bool closed = false;
  std::condition_variable room;     ///< its sender waits here
  std::condition_variable results;  ///< its receiver waits here

  void results_changed() {
    results.notify_all();
    tell();
  }
  void room_changed() {
    room.notify_all();
    if (cache.options().policy == QueuePolicy::kBlock) tell();
  }

 private:
  void tell() const {
    if (cache.options().on_change) cache.options().on_change();
  }
};

/// A frame on its way through a batch.
struct BatchItem {
  OpenStream* stream = nullptr;
  std::uint64_t ticket = 0;
  Frame frame;
  Picture leaving;  ///< on a card, written with the batch; empty where the output is the host's
  int row = -1;     ///< its row of the slot; -1 when it could not be written
  FrameOutcome outcome = FrameOutcome::kFailed;
  std::string reason;
};

/// A slot of a plan with the frames that travel in it. Used by one thread at a time, without a lock; after its first
/// use at a batch size nothing here allocates unless something fails.
class Batch {
 public:
  /// `plan` and `slot` outlive the batch.
  Batch(PreparedPlan& plan, BatchPlan::Slot& slot);

  void clear() noexcept;
  [[nodiscard]] BatchItem& add() noexcept { return items_[count_++]; }
  [[nodiscard]] std::span<BatchItem> items() noexcept { return std::span(items_).first(count_); }
  [[nodiscard]] BatchRecord& record() noexcept { return record_; }

  /// Writes the frames' rows, pads up to the compiled size and starts the plan. With `keep_inputs` the frames keep
  /// their pictures until the end.
  void start(const Clock& clock, bool keep_inputs);
  /// Waits until the plan is done.
  void wait(const Clock& clock);
  /// Gives each frame its outcome, and its output picture if it has one.
  void settle(const Clock& clock);
  /// After settle(): calls `show` with each tap's pixels of each frame that is done, in the order of the rows.
  void show_taps(const std::function<void(const TapSpec&, const Frame&, std::span<const std::byte>)>& show) const;

 private:
  void write_rows();
  /// Why the frame cannot run; empty where it can.
  [[nodiscard]] std::string refusal(const Frame& frame) const;
  void write_row(BatchItem& item);
  void pad(const Picture* last);
  void download(BatchItem& item);
  void fail(BatchItem& item);
  [[nodiscard]] bool ran() const noexcept { return record_.frames > 0 && error_.empty(); }

  PreparedPlan* plan_;
  BatchPlan::Slot* slot_;
  PictureSpec input_;
  PictureSpec output_;
  std::vector<TapSpec> taps_;
  std::vector<BatchItem> items_;
  std::size_t count_ = 0;
  BatchRecord record_;
  TimePoint started_{};
  bool keep_inputs_ = false;
  std::string error_;
};

}  // namespace comfystream::stream
