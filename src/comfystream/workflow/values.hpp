// SPDX-License-Identifier: Apache-2.0
// What travels along the links of a workflow while it is traced.
#pragma once

#include "comfystream/graph/builder.hpp"
#include "comfystream/models/clip_text.hpp"
#include "comfystream/models/controlnet.hpp"
#include "comfystream/models/unet.hpp"
#include "comfystream/models/vae.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace comfystream::workflow {

/// f32 [rows, H, W, channels] in 0..1; rows is 1 (the same for every frame), N, or a fixed number.
struct ImageValue {
  graph::Value value;
};

/// f32 [rows, H, W].
struct MaskValue {
  graph::Value value;
};

struct LatentValue {
  std::optional<graph::Value> samples;  ///< f32 [rows, 4, height, width], sampler's scale; nothing means all zeros
  graph::Dim rows = graph::kBatch;
  std::int64_t height = 64;  ///< of the latent: pixels / 8
  std::int64_t width = 64;
  /// Every slot gets the noise of slot 0 (the frames of a video must not depend on their slot); true where the workflow
  /// asks for another noise per slot (LatentBatchSeedBehavior "random").
  bool noise_per_slot = false;
  /// Which rows of a larger batch these are (LatentFromBatch): the noise drawn for them. Empty: 0, 1, 2, ...
  std::vector<std::int64_t> batch_index;
};

/// Rows of an engine's profile, [min, max] for the batch; nothing for a model without one.
struct ModelValue {
  std::shared_ptr<const models::UNet> unet;
  std::string name;  ///< for messages: the file
  std::int64_t min_batch = 1;
  std::int64_t max_batch = 0;    ///< 0: any
  std::int64_t max_context = 0;  ///< 77-token chunks, 0: any
};

struct ClipValue {
  std::shared_ptr<const models::ClipText> clip;
  std::string name;
  std::int64_t stop_at_layer = -1;
};

struct ControlNetValue {
  std::shared_ptr<const models::ControlNet> net;
  std::string name;
};

struct VaeValue {
  std::shared_ptr<const models::Vae> vae;
  std::string name;
};

/// A ControlNet applied to a conditioning.
struct ControlApplication {
  std::shared_ptr<const models::ControlNet> net;
  graph::Value hint;      ///< image f32 [rows, H, W, 3] as given; brought to the latent's size by the sampler
  graph::Value strength;  ///< f32 [1], live
  double start_percent = 0.0;
  double end_percent = 1.0;
  std::string scope;  ///< "ControlNetApplyAdvanced#9": where its time is reported
};

struct ConditioningValue {
  graph::Value context;                      ///< f32 [1, 77 k, width]
  std::vector<ControlApplication> controls;  ///< first applied first; all residuals are added up
};

struct StringValue {
  std::string value;
};

using NodeValue = std::variant<std::monostate, ImageValue, MaskValue, LatentValue, ModelValue, ClipValue,
                               ControlNetValue, VaeValue, ConditioningValue, StringValue>;

}  // namespace comfystream::workflow
