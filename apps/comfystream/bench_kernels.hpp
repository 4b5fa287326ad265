// SPDX-License-Identifier: Apache-2.0
// Where a batch's time goes, by kind of kernel and by node, beside what the device reaches at most.
#pragma once

#include "comfystream/backend/backend.hpp"

#include <span>
#include <string>

#include <nlohmann/json.hpp>

namespace comfystream::app {

/// Sums of steps.
struct KernelSum {
  std::string name;
  int count = 0;
  double milliseconds = 0;
  double flops = 0;
  double bytes = 0;
};

/// By the first word of what a step is, longest first.
[[nodiscard]] std::vector<KernelSum> sum_by_kind(std::span<const backend::StepTime> steps);
/// By the first component of a step's scope, longest first.
[[nodiscard]] std::vector<KernelSum> sum_by_node(std::span<const backend::StepTime> steps);

/// A table for a terminal: time, share, and what was reached of the ceilings (nothing where a ceiling is 0).
[[nodiscard]] std::string to_table(std::span<const KernelSum> sums, const backend::DeviceCeilings& ceilings);
[[nodiscard]] nlohmann::ordered_json to_json(std::span<const KernelSum> sums);

}  // namespace comfystream::app
