// SPDX-License-Identifier: Apache-2.0
#include "nodes/sampling/hint.hpp"

#include "nodes/image/fit_centre.hpp"

namespace comfystream::nodes {
namespace {

constexpr std::int64_t kColours = 3;

}  // namespace

graph::Value trace_hint(graph::Builder& builder, graph::Value image, std::int64_t height, std::int64_t width) {
  graph::Value picture = builder.transpose(image, {0, 3, 1, 2});
  if (builder.shape(picture)[1].count > kColours) picture = builder.slice(picture, 1, 0, kColours);
  return trace_fit_centre(builder, picture, height, width, graph::ResizeMode::kNearestExact);
}

}  // namespace comfystream::nodes
