// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace comfystream::models {

/// A stretch of a prompt whose words weigh the same.
struct WeightedText {
  std::string text;
  double weight = 1.0;
  bool operator==(const WeightedText&) const = default;
};

/// ComfyUI's prompt syntax (comfy/sd1_clip.py): (text:1.2) weighs 1.2, (text) 1.1 times its surroundings, groups nest,
/// \( and \) stand for the characters; parentheses that do not pair are text. Error(kInvalidArgument) for a weight that
/// is not finite and for groups nested deeper than 900.
[[nodiscard]] std::vector<WeightedText> parse_weighted_prompt(std::string_view prompt);

}  // namespace comfystream::models
