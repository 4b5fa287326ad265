// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/stream/batch_plan.hpp"
#include "comfystream/stream/picture_pool.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace comfystream::stream {

/// A plan with the memory of its batches in flight, made ready by whoever compiled it, so that a pipeline that takes it
/// up allocates nothing between two frames.
struct PreparedPlan {
  std::shared_ptr<BatchPlan> plan;
  std::vector<std::unique_ptr<BatchPlan::Slot>> slots;
  std::shared_ptr<PicturePool> pictures;  ///< the pictures that leave
};

struct PrepareOptions {
  int slots = 2;                               ///< batches in flight
  std::optional<PixelFormat> output_format{};  ///< of the pictures that leave; the plan's own when not given
};

/// Makes the slots and a first set of pictures. Throws what the plan throws.
[[nodiscard]] PreparedPlan prepare_plan(std::shared_ptr<BatchPlan> plan, const PrepareOptions& options = {});

}  // namespace comfystream::stream
