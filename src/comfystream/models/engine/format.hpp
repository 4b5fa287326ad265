// SPDX-License-Identifier: Apache-2.0
// How an engine's description is written down, and what must be true of it.
#pragma once

#include "comfystream/models/engine/engine.hpp"
#include "comfystream/models/weights/architectures/tensor_spec.hpp"

#include <map>
#include <string>

namespace comfystream::engine {

using Metadata = std::map<std::string, std::string, std::less<>>;

[[nodiscard]] Metadata to_metadata(const EngineInfo& info);

/// The description of a file that is_engine(). Error(kUnsupported) for another version of the format,
/// Error(kCorruptFile) for metadata that is damaged, out of range or does not agree with the tensors' shapes and
/// dtypes.
[[nodiscard]] EngineInfo read_info(const weights::WeightMap& weights);

/// Fills `info`'s architecture from the tensors (LDM or official keys).
void infer_architecture(EngineInfo& info, const weights::WeightMap& weights,
                        std::optional<models::DepthAnythingVersion> version = std::nullopt);

/// What height and width must be multiples of.
[[nodiscard]] std::int64_t size_multiple(const EngineInfo& info);

/// Every tensor of the network. Those that some files leave out because nothing reads them are listed when `weights`
/// has them.
[[nodiscard]] weights::TensorSpecs network_tensors(const EngineInfo& info, const weights::WeightMap& weights);

/// What is missing or of another shape than the network's, empty when nothing is.
[[nodiscard]] std::string tensors_problem(const weights::TensorSpecs& specs, const weights::WeightMap& weights);

}  // namespace comfystream::engine
