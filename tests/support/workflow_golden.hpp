// SPDX-License-Identifier: Apache-2.0
// Whole workflows as PyTorch ran them (tools/goldens/workflow_goldens.py): their models, frames and what every node
// made.
#pragma once

#include "comfystream/models/weights/synth_values.hpp"
#include "comfystream/models/weights/weight_map.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace comfystream::tests {

inline std::string workflow_golden_path(const std::string& name) {
  return COMFYSTREAM_SOURCE_DIR "/tests/parity/goldens/workflow_" + name;
}

/// A model file of the goldens: its tensors follow from their names. `engine` is empty, or where an engine of it
/// stands, made for pictures of height x width.
struct WorkflowModelFile {
  std::string path;  ///< in the models folder
  std::string engine;
  std::int64_t height = 0;
  std::int64_t width = 0;
  nlohmann::json entry;

  /// `origin` is the path that the map then claims to come from.
  [[nodiscard]] weights::WeightMap make(const std::string& origin) const {
    weights::WeightMap map(origin);
    const auto seed = entry["seed"].get<std::uint64_t>();
    for (const auto& tensor : entry["tensors"]) {
      const auto name = tensor[0].get<std::string>();
      const Shape shape(tensor[1].get<std::vector<std::int64_t>>());
      const float gain = tensor.size() > 2 ? tensor[2].get<float>() : 1.0F;
      const float offset = tensor.size() > 3 ? tensor[3].get<float>() : 0.0F;
      Tensor value = weights::synth_tensor(name, shape, weights::guess_synth_kind(name, shape), seed, gain);
      for (float& each : value.mutable_values<float>()) each += offset;
      map.insert(name, std::move(value));
    }
    for (const auto& [key, value] : entry["metadata"].items()) map.set_metadata(key, value.get<std::string>());
    return map;
  }
};

inline std::vector<WorkflowModelFile> workflow_model_files() {
  std::ifstream file(workflow_golden_path("models.json"));
  std::vector<WorkflowModelFile> files;
  for (auto& entry : nlohmann::json::parse(file)) {
    files.push_back({entry["path"], entry["engine"], entry["size"][0], entry["size"][1], entry});
  }
  return files;
}

inline weights::WeightMap workflow_model(const std::string& path) {
  for (const auto& file : workflow_model_files()) {
    if (file.path == path) return file.make(path);
  }
  ADD_FAILURE() << "the goldens have no model " << path;
  return {};
}

/// Two frames f32 [2, 48, 64, 3] of whole bytes / 255; `swapped` puts the second first.
inline Tensor workflow_frames(bool swapped = false) {
  const auto map = weights::load_weights(workflow_golden_path("frames.safetensors"));
  const Tensor& bytes = map.at("frames");
  Tensor frames(DType::kF32, bytes.shape());
  const auto from = bytes.values<std::uint8_t>();
  const auto to = frames.mutable_values<float>();
  const std::size_t half = swapped ? from.size() / 2 : 0;
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = static_cast<float>(from[(i + half) % from.size()]) / 255.0F;
  return frames;
}

/// Peak signal to noise ratio in dB of values in 0..1; infinite where they are equal.
inline double psnr(const Tensor& actual, const Tensor& expected) {
  EXPECT_EQ(actual.shape().to_string(), expected.shape().to_string());
  if (actual.shape() != expected.shape()) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < expected.values<float>().size(); ++i) {
    const double difference = static_cast<double>(actual.values<float>()[i]) - expected.values<float>()[i];
    sum += difference * difference;
  }
  return -10.0 * std::log10(sum / static_cast<double>(expected.values<float>().size()));
}

}  // namespace comfystream::tests
