// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/prepared_plan.hpp"

#include "comfystream/error.hpp"

#include <string>
#include <utility>

namespace comfystream::stream {

PreparedPlan prepare_plan(std::shared_ptr<BatchPlan> plan, const PrepareOptions& options) {
  if (options.slots < 1) {
    throw Error(ErrorCode::kInvalidArgument, std::to_string(options.slots) + " batches in flight", "use 1 or more");
  }
  PreparedPlan prepared;
  for (int i = 0; i < options.slots; ++i) prepared.slots.push_back(plan->make_slot());
  PictureSpec leaving = plan->output();
  leaving.format = options.output_format.value_or(leaving.format);
  prepared.pictures = PicturePool::create(
      leaving, static_cast<std::size_t>(options.slots) * static_cast<std::size_t>(plan->max_batch()));
  prepared.plan = std::move(plan);
  return prepared;
}

}  // namespace comfystream::stream
