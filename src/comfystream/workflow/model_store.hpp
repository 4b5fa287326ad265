// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/core/log.hpp"
#include "comfystream/models/clip_tokenizer.hpp"
#include "comfystream/models/depth_anything.hpp"
#include "comfystream/models/resize_u8.hpp"
#include "comfystream/workflow/model_folders.hpp"
#include "comfystream/workflow/values.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace comfystream::workflow {

struct CheckpointValue {
  ModelValue model;
  ClipValue clip;
  VaeValue vae;
};

struct DepthModel {
  std::shared_ptr<const models::DepthAnything> network;
  std::string name;
  engine::EngineProfile profile;
  bool inverted = false;                         ///< "metric" in its name, as the node tells
  std::shared_ptr<models::ResizeTables> tables;  ///< shared by all traces
};

/// Model files, each mapped once however often a workflow is traced, so that equal models have equal addresses (the
/// graph's structure fingerprint relies on it); a file that was replaced meanwhile is mapped anew. Thread-safe. Names
/// are those of the combo boxes; all calls throw what ModelFolders, load_weights, load_engine and the models throw.
class ModelStore {
 public:
  /// `vocabulary`: CLIP's (ClipTokenizer); read when first needed.
  ModelStore(ModelFolders folders, std::filesystem::path vocabulary, std::shared_ptr<Log> log);
  ~ModelStore();
  ModelStore(const ModelStore&) = delete;
  ModelStore& operator=(const ModelStore&) = delete;

  [[nodiscard]] const ModelFolders& folders() const noexcept;
  [[nodiscard]] CheckpointValue checkpoint(const std::string& name);  ///< a part the file lacks is null
  [[nodiscard]] ModelValue unet(const std::string& name);             ///< UNETLoader: plain weights
  [[nodiscard]] ModelValue engine(const std::string& name);           ///< TensorRTLoader: an engine of ours
  [[nodiscard]] DepthModel depth_engine(const std::string& name);     ///< DepthAnythingTensorrt
  [[nodiscard]] ClipValue clip(const std::string& name);
  [[nodiscard]] ControlNetValue controlnet(const std::string& name);
  [[nodiscard]] VaeValue vae(const std::string& name);  ///< files, "taesd", "pixel_space"
  /// The tokenizer for a vocabulary of `size` tokens.
  [[nodiscard]] std::shared_ptr<const models::ClipTokenizer> tokenizer(std::int64_t size);

  /// Time spent mapping and reading files so far, and the bytes of the files in use.
  [[nodiscard]] std::chrono::nanoseconds load_time() const;
  [[nodiscard]] std::int64_t mapped_bytes() const;
  /// Lets the system forget the pages of all files, once a backend has its own copy of the weights.
  void drop_pages() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace comfystream::workflow
