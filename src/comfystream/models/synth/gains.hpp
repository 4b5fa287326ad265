// SPDX-License-Identifier: Apache-2.0
// Random weights of equal spread make networks that hear little of their prompt, frame or control. The gains here,
// found by trial (visibility_test.cpp holds them to it), make each of these change the picture, and keep pictures in
// 0..1.
#pragma once

#include "comfystream/tensor/shape.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace comfystream::synth {

/// The networks of a workflow.
enum class Part : std::uint8_t { kUNet, kControlNet, kClipText, kVae, kTaesdEncoder, kTaesdDecoder, kDepth };

/// What differs from a spread of 1: tensors of `part` whose name contains `pattern` and ends with `ending` have values
/// gain * n + offset.
struct Gain {
  Part part;
  std::string_view pattern;
  std::string_view ending;
  float gain;
  float offset;
};

/// The table; the first row that fits a name counts.
[[nodiscard]] std::span<const Gain> gain_table() noexcept;
/// The row for a tensor, or gain 1 and offset 0.
[[nodiscard]] Gain find_gain(Part part, std::string_view name) noexcept;

/// Elements `first`, `first` + 1, ... of the tensor `name` of `part` under `seed`: weights::fill_synth_values() with
/// the table's gain, plus its offset. Names are the part's own in the layout that models are written for
/// (key_maps.hpp), no prefix, so a model's values do not depend on the file it is in. tools/goldens/synth_gains.py
/// makes the same bits.
void fill_part_values(Part part, std::string_view name, const Shape& shape, std::uint64_t seed, std::uint64_t first,
                      std::span<float> values);

}  // namespace comfystream::synth
