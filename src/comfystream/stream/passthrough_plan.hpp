// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/stream/batch_plan.hpp"

namespace comfystream::stream {

/// The plan of a workflow that links its live input straight to its live output: frames leave bit for bit as they
/// came, whatever the format. Slots have one block of memory, so nothing is copied between input and output.
class PassthroughPlan final : public BatchPlan {
 public:
  /// Sizes are positive, or Error(kInvalidArgument).
  PassthroughPlan(PictureSpec spec, int max_batch);

  [[nodiscard]] PictureSpec input() const override { return spec_; }
  [[nodiscard]] PictureSpec output() const override { return spec_; }
  [[nodiscard]] int max_batch() const override { return max_batch_; }
  [[nodiscard]] int run_size(int frames) const override { return frames; }
  [[nodiscard]] bool passes_through() const override { return true; }
  [[nodiscard]] std::unique_ptr<Slot> make_slot() override;
  void enqueue(Slot& slot, int batch_size) override;
  void wait(Slot& slot) override;
  [[nodiscard]] Duration device_time(const Slot& slot) const override;

 private:
  PictureSpec spec_;
  int max_batch_;
};

}  // namespace comfystream::stream
