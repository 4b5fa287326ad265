// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/engine/engine.hpp"
#include "comfystream/models/weights/safetensors/writer.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

namespace comfystream::engine {

struct BuildRequest {
  std::filesystem::path checkpoint;
  std::filesystem::path output;
  std::optional<EngineKind> kind{};  ///< by default what the checkpoint's keys say
  /// By default default_profile()'s.
  std::optional<ProfileRange> batch{};
  std::optional<ProfileRange> height{};
  std::optional<ProfileRange> width{};
  std::optional<ProfileRange> context{};
  DType dtype = DType::kF16;  ///< or kF32, kBF16
  /// Only for a depth network whose file and name do not tell (models::DepthAnything).
  std::optional<models::DepthAnythingVersion> depth_version{};
  weights::Sync sync = weights::Sync::kWait;
  /// Called on the calling thread with the bytes read so far and the bytes to read in all.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress{};
};

/// Writes an engine file from a checkpoint (an all-in-one's UNet, a UNet alone, or a depth network; every layout and
/// file format that weights::load_weights reads) tensor by tensor: memory is that of the largest tensor. The file
/// appears whole or not at all; one that stood there is replaced. Errors: kInvalidArgument where that would be the
/// checkpoint itself (unless its name ends with .engine), for a checkpoint that has neither network (it says what it is
/// instead) or lacks tensors of it, and for a profile or dtype out of range; kUnsupported for values that f16 cannot
/// hold; those of reading and of writing.
EngineInfo build_engine(const BuildRequest& request);

/// The network that these keys are of, nothing when they are of neither.
[[nodiscard]] std::optional<EngineKind> detect_kind(const weights::WeightMap& weights);

}  // namespace comfystream::engine
