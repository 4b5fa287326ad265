// SPDX-License-Identifier: Apache-2.0
// Expected values of networks (tools/goldens/networks.py) and how tests compare with them.
#pragma once

#include "comfystream/models/weights/synth_values.hpp"
#include "comfystream/models/weights/weight_map.hpp"
#include "tests/support/run_reference.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace comfystream::tests {

/// A golden file: inputs and expected outputs by name, and the model file whose weights gave them.
struct NetworkGolden {
  weights::WeightMap arrays;
  weights::WeightMap model;
};

/// Reads tests/parity/goldens/<name>.safetensors and makes the model's tensors from their names; `origin` is the path
/// that the model then claims to come from.
inline NetworkGolden load_network_golden(const std::string& name, std::string origin = "model.safetensors") {
  constexpr std::string_view kWeight = "weight:";
  NetworkGolden golden;
  golden.arrays = weights::load_weights(COMFYSTREAM_SOURCE_DIR "/tests/parity/goldens/" + name + ".safetensors");
  golden.model = weights::WeightMap(std::move(origin));
  const auto model = nlohmann::json::parse(golden.arrays.metadata().find("model")->second);
  const auto seed = model["seed"].get<std::uint64_t>();
  for (const auto& entry : model["tensors"]) {
    const auto tensor = entry[0].get<std::string>();
    if (golden.arrays.contains(std::string(kWeight) + tensor)) continue;
    const Shape shape(entry[1].get<std::vector<std::int64_t>>());
    golden.model.insert(tensor, weights::synth_tensor(tensor, shape, weights::guess_synth_kind(tensor, shape), seed));
  }
  for (const auto& [key, tensor] : golden.arrays.tensors()) {
    if (key.starts_with(kWeight)) golden.model.insert(key.substr(kWeight.size()), tensor);
  }
  return golden;
}

/// Largest absolute difference, as a fraction of the expected values' largest magnitude.
inline double relative_error(const Tensor& actual, const Tensor& expected) {
  EXPECT_EQ(actual.shape().to_string(), expected.shape().to_string());
  if (actual.shape() != expected.shape()) return HUGE_VAL;
  const Tensor a = actual.to_f32();
  const Tensor b = expected.to_f32();
  double scale = 0;
  double error = 0;
  for (std::size_t i = 0; i < b.values<float>().size(); ++i) {
    const double difference = std::abs(static_cast<double>(a.values<float>()[i]) - b.values<float>()[i]);
    scale = std::max(scale, std::abs(static_cast<double>(b.values<float>()[i])));
    error = std::isnan(difference) ? HUGE_VAL : std::max(error, difference);
  }
  return error / scale;
}

}  // namespace comfystream::tests
