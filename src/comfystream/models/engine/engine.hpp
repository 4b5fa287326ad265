// SPDX-License-Identifier: Apache-2.0
// Engine files: a network's weights in one layout and dtype, with what they are and what they may run. One file runs on
// every backend and machine. It is a safetensors file whose metadata says:
//   format "comfystream-engine"   format_version "1"   architecture "unet" | "depth-anything"   dtype "f16" ...
//   dimensions, profile           JSON: {"model_channels": 320, ...}, {"batch": [min, opt, max], "height": ..., ...}
//   source_file, source_sha256    the checkpoint's file name and the hash of its bytes
//   depth_anything_version, depth_anything_taps, depth_estimation_type   of depth networks (depth_anything.hpp)
// UNets have LDM's keys without a prefix, depth networks the official files' keys.
#pragma once

#include "comfystream/models/depth_anything.hpp"
#include "comfystream/models/engine/profile.hpp"
#include "comfystream/models/unet.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace comfystream::engine {

inline constexpr const char* kFormat = "comfystream-engine";
inline constexpr int kFormatVersion = 1;

struct EngineInfo {
  EngineKind kind = EngineKind::kUNet;
  EngineProfile profile;
  DType dtype = DType::kF16;
  std::optional<models::UNetConfig> unet;            ///< of a UNet
  std::optional<models::DepthAnythingConfig> depth;  ///< of a depth network
  std::string source_file;
  std::string source_sha256;  ///< 64 hexadecimal digits
};

/// `weights` is what models::UNet and models::DepthAnything take; it borrows the mapped file.
struct Engine {
  EngineInfo info;
  weights::WeightMap weights;
};

/// Opens an engine file and checks it: metadata, profile, dimensions against the tensors, every tensor's shape and
/// dtype. `candidates` are the checkpoints at hand, for messages only. Errors, each saying what to do:
/// - kNotFound: no such file; names those in its folder that are spelled nearly so, and how to build it;
/// - kUnsupported: a TensorRT plan (raw or torch.save'd; with the exact command that builds an engine in its place,
///   where a checkpoint at hand looks like its source, the profile suggested by the file's name), a model file without
///   engine metadata (with the command), a version of the format that this program does not read;
/// - kCorruptFile: metadata that is damaged, out of range or not true of the tensors.
[[nodiscard]] Engine load_engine(const std::filesystem::path& path,
                                 std::span<const std::filesystem::path> candidates = {});

/// True when the file's metadata says that it is an engine of ours, of any version.
[[nodiscard]] bool is_engine(const weights::WeightMap& weights);

}  // namespace comfystream::engine
