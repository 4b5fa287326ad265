// SPDX-License-Identifier: Apache-2.0
#include "nodes/image/fit_centre.hpp"

#include <cmath>

namespace comfystream::nodes {
namespace {

/// How much of `length` to leave out on either side so that `wanted` / `current` of it remains.
std::int64_t margin(std::int64_t length, double wanted, double current) {
  const auto whole = static_cast<double>(length);
  return static_cast<std::int64_t>(std::nearbyint((whole - whole * (wanted / current)) / 2));
}

}  // namespace

graph::Value trace_fit_centre(graph::Builder& builder, graph::Value picture, std::int64_t height, std::int64_t width,
                              graph::ResizeMode mode) {
  const graph::SymShape shape = builder.shape(picture);
  const std::int64_t old_height = shape[2].count;
  const std::int64_t old_width = shape[3].count;
  const double aspect = static_cast<double>(old_width) / static_cast<double>(old_height);
  const double wanted = static_cast<double>(width) / static_cast<double>(height);
  if (aspect > wanted) {
    const std::int64_t left = margin(old_width, wanted, aspect);
    picture = builder.slice(picture, 3, left, old_width - left);
  } else if (aspect < wanted) {
    const std::int64_t top = margin(old_height, aspect, wanted);
    picture = builder.slice(picture, 2, top, old_height - top);
  }
  const graph::SymShape cut = builder.shape(picture);
  if (cut[2].count == height && cut[3].count == width) return picture;
  return builder.resize(picture, {mode, height, width, false});
}

}  // namespace comfystream::nodes
