// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/passthrough_plan.hpp"

#include "comfystream/error.hpp"

#include <string>
#include <vector>

namespace comfystream::stream {
namespace {

class PassthroughSlot final : public BatchPlan::Slot {
 public:
  PassthroughSlot(std::size_t row_bytes, int rows)
      : row_bytes_(row_bytes), memory_(row_bytes * static_cast<std::size_t>(rows)) {}

  std::span<std::byte> input_row(int row) override {
    return std::span(memory_).subspan(static_cast<std::size_t>(row) * row_bytes_, row_bytes_);
  }
  std::span<const std::byte> output_row(int row) const override {
    return std::span(memory_).subspan(static_cast<std::size_t>(row) * row_bytes_, row_bytes_);
  }

 private:
  std::size_t row_bytes_;
  std::vector<std::byte> memory_;
};

}  // namespace

PassthroughPlan::PassthroughPlan(PictureSpec spec, int max_batch) : spec_(spec), max_batch_(max_batch) {
  if (spec.width <= 0 || spec.height <= 0 || max_batch <= 0) {
    throw Error(ErrorCode::kInvalidArgument, "passthrough plan: " + std::to_string(spec.width) + "x" +
                                                 std::to_string(spec.height) + " pixels, batch " +
                                                 std::to_string(max_batch) + ": all must be positive");
  }
}

std::unique_ptr<BatchPlan::Slot> PassthroughPlan::make_slot() {
  return std::make_unique<PassthroughSlot>(spec_.size_bytes(), max_batch_);
}

void PassthroughPlan::enqueue(Slot& /*slot*/, int /*batch_size*/) {}
void PassthroughPlan::wait(Slot& /*slot*/) {}
Duration PassthroughPlan::device_time(const Slot& /*slot*/) const { return Duration::zero(); }

}  // namespace comfystream::stream
