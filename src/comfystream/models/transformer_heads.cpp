// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/transformer_heads.hpp"

#include "comfystream/error.hpp"

namespace comfystream::models {

std::int64_t heads_of_width(std::int64_t width, const std::string& what) {
  constexpr std::int64_t kHeadSize = 64;
  if (width <= 0 || width % kHeadSize != 0) {
    throw Error(ErrorCode::kInvalidArgument,
                what + ": a width of " + std::to_string(width) + " does not divide into heads of 64");
  }
  return width / kHeadSize;
}

}  // namespace comfystream::models
