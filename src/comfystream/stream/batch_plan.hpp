// SPDX-License-Identifier: Apache-2.0
// What a pipeline runs.
#pragma once

#include "comfystream/core/clock.hpp"
#include "comfystream/frame.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace comfystream::stream {

/// Layout of one frame's bytes: rows of RGB pixels without padding, as in Picture.
struct PictureSpec {
  PixelFormat format = PixelFormat::kRgb8;
  int width = 0;
  int height = 0;

  [[nodiscard]] std::size_t size_bytes() const noexcept {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * bytes_per_pixel(format);
  }
  bool operator==(const PictureSpec&) const = default;
};

/// A picture beside the output that each row makes as well, to be looked at.
struct TapSpec {
  std::string node;    ///< the id of the workflow's node
  std::string prefix;  ///< what its pictures are called
  PictureSpec picture;
};

/// A compiled workflow seen as bytes of n frames in, bytes of n frames out. However many live inputs the workflow has,
/// all read the same frame, so there is one input row per frame.
///
/// Threads: one thread calls enqueue() at a time and one, perhaps another, wait() and device_time(); each slot is used
/// by one thread at a time. Parameters may be changed from any thread meanwhile; batches enqueued later see them.
class BatchPlan {
 public:
  /// Memory of one batch in flight, of max_batch() rows, allocated when made.
  class Slot {
   public:
    virtual ~Slot() = default;
    /// Row `row` of the input: input().size_bytes() bytes, to be written before enqueue.
    [[nodiscard]] virtual std::span<std::byte> input_row(int row) = 0;
    /// Row `row` of the output: output().size_bytes() bytes, valid after wait() until the slot's next enqueue.
    [[nodiscard]] virtual std::span<const std::byte> output_row(int row) const = 0;
    /// The same of tap `tap`, an index of taps().
    [[nodiscard]] virtual std::span<const std::byte> tap_row(std::size_t /*tap*/, int /*row*/) const { return {}; }

    /// Whether rows may be pictures on a card: what follows may be called.
    [[nodiscard]] virtual bool reaches_device() const { return false; }
    /// Before the rows of a batch are written: all rows are the host's again.
    virtual void clear_rows() {}
    /// Row `row` of the batch that is enqueued next is read from `picture`, of input()'s size, either format, on any
    /// card, instead of input_row(). The picture stays until wait(). Rows are given in order.
    virtual void read_row(int /*row*/, const Picture& /*picture*/) {}
    /// A picture on the slot's card, of output()'s size, that row `row` is written to instead of output_row(): complete
    /// after wait().
    [[nodiscard]] virtual Picture write_row(int /*row*/, PixelFormat /*format*/) { return {}; }
  };

  virtual ~BatchPlan() = default;

  [[nodiscard]] virtual PictureSpec input() const = 0;
  [[nodiscard]] virtual PictureSpec output() const = 0;
  [[nodiscard]] virtual std::vector<TapSpec> taps() const { return {}; }
  /// The most frames that one batch takes, at least 1.
  [[nodiscard]] virtual int max_batch() const = 0;
  /// The smallest compiled batch that holds `frames` (1..max_batch) frames: `frames` itself where any size is compiled,
  /// max_batch() for a fixed-batch plan. The rows above `frames` are padding and never leave the pipeline.
  [[nodiscard]] virtual int run_size(int frames) const = 0;

  /// The output is the input, bit for bit. A picture on a card then leaves as it came, untouched.
  [[nodiscard]] virtual bool passes_through() const { return false; }

  /// A slot whose memory is ready for every batch size. Throws Error when memory or device refuse.
  [[nodiscard]] virtual std::unique_ptr<Slot> make_slot() = 0;
  /// Starts a batch of `batch_size` rows, a value that run_size() gave; returns without waiting where the device can.
  /// Allocates nothing once this size has run before. Throws Error when the device refuses.
  virtual void enqueue(Slot& slot, int batch_size) = 0;
  /// Waits for the slot's batch. Throws Error if it failed; the plan stays usable.
  virtual void wait(Slot& slot) = 0;
  /// Time the device spent on the slot's last batch, by the device's own clock where it has one.
  [[nodiscard]] virtual Duration device_time(const Slot& slot) const = 0;
};

}  // namespace comfystream::stream
