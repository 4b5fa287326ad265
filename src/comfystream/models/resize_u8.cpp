// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/resize_u8.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace comfystream::models {
namespace {

using graph::Builder;
using graph::Value;

constexpr float kOne = 2048.0F;  // OpenCV's INTER_RESIZE_COEF_SCALE

/// Where an output element reads: two neighbours and their weights out of kOne.
struct Sample {
  std::int64_t index[2];
  float weight[2];
};

enum class Edge {
  kSingle,   ///< along a row: beyond the edge the edge alone counts
  kRepeated  ///< along a column: both neighbours are moved to the edge, with their weights
};

std::vector<Sample> make_samples(std::int64_t in, std::int64_t out, Edge edge) {
  const double scale = 1.0 / (static_cast<double>(out) / static_cast<double>(in));
  std::vector<Sample> samples;
  for (std::int64_t i = 0; i < out; ++i) {
    auto position = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
    auto index = static_cast<std::int64_t>(std::floor(position));
    position -= static_cast<float>(index);
    const bool outside = index < 0 || index >= in - 1;
    if (outside && edge == Edge::kSingle) {
      index = std::clamp<std::int64_t>(index, 0, in - 1);
      position = 0.0F;
    }
    samples.push_back({{std::clamp<std::int64_t>(index, 0, in - 1), std::clamp<std::int64_t>(index + 1, 0, in - 1)},
                       {std::nearbyint((1.0F - position) * kOne), std::nearbyint(position * kOne)}});
  }
  return samples;
}

Tensor sum_matrix(const std::vector<Sample>& samples, std::int64_t in) {
  Tensor matrix(DType::kF32, {static_cast<std::int64_t>(samples.size()), in});
  const auto values = matrix.mutable_values<float>();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (const std::size_t k : {0U, 1U}) {
      values[i * static_cast<std::size_t>(in) + static_cast<std::size_t>(samples[i].index[k])] += samples[i].weight[k];
    }
  }
  return matrix;
}

Tensor pair_matrix(const std::vector<Sample>& samples, std::int64_t in) {
  Tensor matrix(DType::kF32, {static_cast<std::int64_t>(2 * samples.size()), in});
  const auto values = matrix.mutable_values<float>();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (const std::size_t k : {0U, 1U}) {
      const std::size_t row = k * samples.size() + i;
      values[row * static_cast<std::size_t>(in) + static_cast<std::size_t>(samples[i].index[k])] = samples[i].weight[k];
    }
  }
  return matrix;
}

}  // namespace

Tensor ResizeTables::across(std::int64_t in, std::int64_t out) {
  const std::lock_guard lock(mutex_);
  Tensor& table = made_[{static_cast<std::int64_t>(Kind::kAcross), in, out}];
  if (table.empty()) table = sum_matrix(make_samples(in, out, Edge::kSingle), in);
  return table;
}

Tensor ResizeTables::down(std::int64_t in, std::int64_t out) {
  const std::lock_guard lock(mutex_);
  Tensor& table = made_[{static_cast<std::int64_t>(Kind::kDown), in, out}];
  if (table.empty()) table = pair_matrix(make_samples(in, out, Edge::kRepeated), in);
  return table;
}

Value trace_resize_u8(Builder& builder, Value x, std::int64_t height, std::int64_t width, ResizeTables* tables) {
  const graph::SymShape shape = builder.shape(x);
  if (shape.rank() != 4 || shape[1] != graph::Dim(1) || shape[2].batch || shape[3].batch || height < 1 || width < 1) {
    throw Error(ErrorCode::kInvalidArgument, "resize_u8 takes [B, 1, h, w] to a positive size, not " +
                                                 shape.to_string() + " to " + std::to_string(height) + "x" +
                                                 std::to_string(width));
  }
  const std::int64_t in_height = shape[2].count;
  const std::int64_t in_width = shape[3].count;
  if (in_height == height && in_width == width) return x;

  const auto scope = builder.scope("resize_u8");
  const auto rescale = [&](Value v, float factor) { return builder.floor(builder.mul(v, factor)); };
  ResizeTables own;
  ResizeTables& known = tables == nullptr ? own : *tables;
  const Value across = builder.constant(known.across(in_width, width), "across");
  const Value down = builder.constant(known.down(in_height, height), "down");
  const Value row_sums = rescale(builder.linear(x, across), 1.0F / 16);

  // OpenCV now takes (weight * sum) >> 16. The product has 26 bits; with sum = 256 high + low it is
  // (weight * high + ((weight * low) >> 8)) >> 8, of 18 bits at most.
  const Value columns = builder.transpose(row_sums, {0, 1, 3, 2});
  const Value high = rescale(columns, 1.0F / 256);
  const Value low = builder.sub(columns, builder.mul(high, 256.0F));
  const Value products = builder.linear(builder.concat({high, low}, 1), down);
  const Value carried = rescale(builder.slice(products, 1, 1, 2), 1.0F / 256);
  const Value terms = rescale(builder.add(builder.slice(products, 1, 0, 1), carried), 1.0F / 256);
  const Value first = builder.slice(terms, 3, 0, height);
  const Value second = builder.slice(terms, 3, height, 2 * height);
  const Value rounded = rescale(builder.add(builder.add(first, second), 2.0F), 0.25F);
  return builder.transpose(rounded, {0, 1, 3, 2});
}

}  // namespace comfystream::models
