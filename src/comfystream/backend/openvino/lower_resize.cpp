// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/lower_ops.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include <openvino/op/constant.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/interpolate.hpp>

namespace comfystream::backend::openvino {
namespace {

using OvOutput = ov::Output<ov::Node>;
using Interpolate = ov::op::v11::Interpolate;

constexpr double kCubicA = -0.75;

OvOutput interpolate(const NodeContext& context, Interpolate::InterpolateAttrs settings) {
  const auto& attrs = context.attrs<graph::ResizeAttrs>();
  settings.shape_calculation_mode = Interpolate::ShapeCalcMode::SIZES;
  settings.pads_begin = settings.pads_end = std::vector<std::size_t>(4, 0);
  settings.cube_coeff = kCubicA;
  return context.make<Interpolate>(context.operand(0), context.ints({attrs.height, attrs.width}), context.ints({2, 3}),
                                   settings);
}

/// PyTorch's source index: floor(i * in / out), with i + 0.5 for "nearest-exact", in single precision.
std::vector<std::int64_t> nearest_sources(std::int64_t in, std::int64_t out, bool exact) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  std::vector<std::int64_t> sources;
  for (std::int64_t index = 0; index < out; ++index) {
    const float at = (static_cast<float>(index) + (exact ? 0.5F : 0.0F)) * scale;
    sources.push_back(std::min(static_cast<std::int64_t>(std::floor(at)), in - 1));
  }
  return sources;
}

OvOutput gather_axis(const NodeContext& context, const OvOutput& x, std::int64_t axis, std::int64_t in,
                     std::int64_t out, bool exact) {
  if (in == out) {
    return x;
  }
  return context.make<ov::op::v8::Gather>(x, context.ints(nearest_sources(in, out, exact)),
                                          ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {axis}));
}

bool is_power_of_two_multiple(std::int64_t in, std::int64_t out) {
  return out % in == 0 && std::has_single_bit(static_cast<std::uint64_t>(out / in));
}

/// Doubling is what the plugin's own kernel does fast and without doubt; other ratios go by PyTorch's indices, because
/// the plugin rounds the ratio the other way round and may pick a neighbour.
OvOutput resize_nearest(const NodeContext& context, bool exact) {
  const auto& attrs = context.attrs<graph::ResizeAttrs>();
  const Shape in = context.operand_type(0).shape.at(1);
  if (is_power_of_two_multiple(in[2], attrs.height) && is_power_of_two_multiple(in[3], attrs.width)) {
    Interpolate::InterpolateAttrs settings;
    settings.mode = Interpolate::InterpolateMode::NEAREST;
    settings.coordinate_transformation_mode = Interpolate::CoordinateTransformMode::ASYMMETRIC;
    settings.nearest_mode = Interpolate::NearestMode::FLOOR;
    return interpolate(context, settings);
  }
  const OvOutput rows = gather_axis(context, context.operand(0), 2, in[2], attrs.height, exact);
  return gather_axis(context, rows, 3, in[3], attrs.width, exact);
}

}  // namespace

OvOutput lower_resize(const NodeContext& context) {
  const auto& attrs = context.attrs<graph::ResizeAttrs>();
  if (attrs.mode == graph::ResizeMode::kNearest || attrs.mode == graph::ResizeMode::kNearestExact) {
    return resize_nearest(context, attrs.mode == graph::ResizeMode::kNearestExact);
  }
  Interpolate::InterpolateAttrs settings;
  settings.mode = attrs.mode == graph::ResizeMode::kBilinear ? Interpolate::InterpolateMode::LINEAR_ONNX
                                                             : Interpolate::InterpolateMode::CUBIC;
  settings.coordinate_transformation_mode = attrs.align_corners ? Interpolate::CoordinateTransformMode::ALIGN_CORNERS
                                                                : Interpolate::CoordinateTransformMode::HALF_PIXEL;
  return interpolate(context, settings);
}

}  // namespace comfystream::backend::openvino
