// SPDX-License-Identifier: Apache-2.0
// What travels along the links of a workflow while it is traced.
#pragma once

#include "comfystream/graph/builder.hpp"
#include "comfystream/models/clip_text.hpp"
#include "comfystream/models/controlnet.hpp"
#include "comfystream/models/engine/profile.hpp"
#include "comfystream/models/unet.hpp"
#include "comfystream/models/vae.hpp"

#include <cstdint>
#include <filesystem>
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
  std::int64_t declared_rows = 1;  ///< of an empty latent: the batch_size of its node, which only LatentFromBatch reads
  /// Every slot gets the noise of slot 0 (the frames of a video must not depend on their slot); true where the workflow
  /// asks for another noise per slot (LatentBatchSeedBehavior "random").
  bool noise_per_slot = false;
  /// One for each of a fixed number of rows: which of the draws of the seed is its noise (ComfyUI's batch_index, which
  /// LatentFromBatch sets). Empty: as noise_per_slot says.
  std::vector<std::int64_t> batch_index;
};

struct ModelValue {
  std::shared_ptr<const models::UNet> unet;      ///< null where the checkpoint has none
  std::string name;                              ///< for messages: the file, as the workflow calls it
  std::filesystem::path file;                    ///< what an engine may be built from
  std::optional<engine::EngineProfile> profile;  ///< what an engine runs; nothing: anything
};

struct ClipValue {
  std::shared_ptr<const models::ClipText> clip;  ///< null where the checkpoint has none
  std::string name;
  std::int64_t stop_at_layer = -1;
};

struct ControlNetValue {
  std::shared_ptr<const models::ControlNet> net;
  std::string name;
};

struct VaeValue {
  std::shared_ptr<const models::Vae> vae;  ///< null where the checkpoint has none
  std::string name;
};

/// A ControlNet applied to a conditioning.
struct ControlApplication {
  std::shared_ptr<const models::ControlNet> net;
  std::string name;       ///< of its file, for messages
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
