// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/blocks/resample.hpp"

namespace comfystream::models {

using graph::Value;

Value upsample(const Module& conv, Value x, std::int64_t height, std::int64_t width) {
  const auto scope = conv.scope();
  const Value larger =
      conv.builder().resize(x, {.mode = graph::ResizeMode::kNearest, .height = height, .width = width});
  return conv.conv(larger);
}

Value upsample_twice(const Module& conv, Value x) {
  const graph::SymShape shape = conv.builder().shape(x);
  return upsample(conv, x, shape[2].count * 2, shape[3].count * 2);
}

}  // namespace comfystream::models
