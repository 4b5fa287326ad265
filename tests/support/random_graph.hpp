// SPDX-License-Identifier: Apache-2.0
// Small random graphs for property tests: the same for a seed on every machine.
#pragma once

#include "comfystream/graph/builder.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace comfystream::tests {

/// A deterministic source of choices and values.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed * 2654435761U + 1U) {}

  /// 0 .. sides - 1
  std::size_t roll(std::size_t sides) { return engine_() % sides; }
  bool flip() { return roll(2) == 0; }
  float uniform() { return static_cast<float>(engine_() % 20001) / 10000.0F - 1.0F; }
  Tensor tensor(const Shape& shape, float gain = 1.0F) {
    Tensor result(DType::kF32, shape);
    for (auto& value : result.mutable_values<float>()) value = gain * uniform();
    return result;
  }

 private:
  std::minstd_rand engine_;
};

/// Whether operations may round: a last bit of difference before them is a large one behind them.
enum class Rounding : std::uint8_t { kYes, kNo };

/// Feature maps [N or 1, 4, 6, 5] flow through about `length` random operations of every kind. Sources: input "x";
/// parameters "fixed" (one row), "slots" (a row per slot) and "time" [1]; constants in f32 and f16. Some work is done
/// twice, some for nothing.
class RandomGraph {
 public:
  static constexpr std::int64_t kChannels = 4, kHeight = 6, kWidth = 5;

  RandomGraph(std::uint32_t seed, std::size_t length, Rounding rounding = Rounding::kYes)
      : dice_(seed), rounding_(rounding) {
    maps_.push_back(builder_.input("x", DType::kF32, {graph::kBatch, kChannels, kHeight, kWidth}));
    maps_.push_back(builder_.parameter("fixed", {1, kChannels, kHeight, kWidth}, dice_.tensor(map_shape(1))));
    maps_.push_back(
        builder_.parameter("slots", {graph::kBatch, kChannels, kHeight, kWidth}, dice_.tensor(map_shape(3))));
    time_ = builder_.parameter("time", {1}, dice_.tensor({1}, 500.0F));
    maps_.push_back(constant(map_shape(1)));
    while (maps_.size() < length) add_one();
    for (std::size_t i = 0; i < 3; ++i) builder_.output("picked_" + std::to_string(i), any());
    builder_.output("last", maps_.back());
  }

  [[nodiscard]] graph::Graph take() { return builder_.take(); }

  [[nodiscard]] static Shape map_shape(std::int64_t rows) { return {rows, kChannels, kHeight, kWidth}; }

 private:
  using Value = graph::Value;
  using Make = std::function<Value()>;

  void add_one() {
    const auto scope = builder_.scope("node#" + std::to_string(dice_.roll(3)));
    static constexpr std::size_t kGroups = 4;
    const std::size_t group = dice_.roll(kGroups);
    const auto& made = group == 0 ? arithmetic() : group == 1 ? networks() : group == 2 ? layouts() : others();
    const Make make = made[dice_.roll(made.size())];
    maps_.push_back(make());
    if (dice_.roll(5) == 0) maps_.push_back(builder_.add(maps_.back(), make()));
  }

  Value any() { return maps_[dice_.roll(maps_.size())]; }
  Value constant(const Shape& shape, float gain = 1.0F) {
    const Tensor value = dice_.tensor(shape, gain);
    return builder_.weight(dice_.flip() ? value : value.cast(DType::kF16));
  }
  graph::SymShape with(Value map, std::vector<graph::Dim> rest) {
    rest.insert(rest.begin(), builder_.shape(map)[0]);
    return graph::SymShape(std::move(rest));
  }
  Value to_map(Value x) { return builder_.reshape(x, with(x, {kChannels, kHeight, kWidth})); }

  std::vector<Make> arithmetic() {
    const Value a = any();
    const Value b = any();
    const auto kind = static_cast<graph::BinaryKind>(dice_.roll(3));
    constexpr graph::UnaryKind kUnaries[] = {graph::UnaryKind::kSilu,    graph::UnaryKind::kGelu,
                                             graph::UnaryKind::kTanh,    graph::UnaryKind::kRelu,
                                             graph::UnaryKind::kSigmoid, graph::UnaryKind::kNeg};
    const auto unary = kUnaries[dice_.roll(std::size(kUnaries))];
    return {[=, this] { return builder_.binary(kind, a, b); },
            [=, this] { return builder_.unary(unary, a); },
            [=, this] { return builder_.clamp(a, -0.5F, 0.75F); },
            [=, this] { return builder_.mul(builder_.add(a, 0.25F), 0.5F); },
            [=, this] { return builder_.select(builder_.compare(graph::CompareKind::kLess, a, b), a, b); },
            [=, this] {
              return builder_.add(a, builder_.reduce(graph::ReduceKind::kMean, b, {2, 3}));
            },
            [=, this] { return builder_.softmax(a, 1); }};
  }

  std::vector<Make> networks() {
    const Value a = any();
    const Value b = any();
    const Value kernel = constant({kChannels, kChannels, 3, 3}, 0.3F);
    const Value matrix = constant({kWidth, kWidth}, 0.5F);
    const Value vector = constant({kChannels});
    const Value row = constant({kWidth});
    const auto heads = [this](Value x) { return builder_.reshape(x, with(x, {2, 12, 5})); };
    return {[=, this] {
              return builder_.conv2d(a, kernel, vector, {.pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1});
            },
            [=, this] { return builder_.linear(a, matrix, row); },
            [=, this] { return builder_.group_norm(a, vector, vector, {.groups = 2}); },
            [=, this] { return builder_.layer_norm(a, row, row); },
            [=, this] { return to_map(builder_.attention(heads(a), heads(b), heads(b), 0.4F)); },
            [=, this] { return builder_.matmul(a, matrix, true); },
            [=, this] {
              const Value t = builder_.timestep_embedding(time_, {.dim = kChannels});
              return builder_.mul(a, builder_.reshape(builder_.silu(t), {1, kChannels, 1, 1}));
            }};
  }

  std::vector<Make> layouts() {
    const Value a = any();
    const Value b = any();
    return {[=, this] {
              return builder_.transpose(builder_.transpose(a, {0, 2, 3, 1}), {0, 3, 1, 2});
            },
            [=, this] {
              return to_map(builder_.transpose(a, {0, 2, 1, 3}));
            },
            [=, this] {
              return to_map(builder_.reshape(builder_.reshape(a, with(a, {20, 6})), with(a, {120})));
            },
            [=, this] {
              return builder_.slice(builder_.concat({a, b}, 1), 1, 2, 2 + kChannels);
            },
            [=, this] { return builder_.slice(a, 1, 0, kChannels); },
            [=, this] { return builder_.expand(a, builder_.shape(a)); },
            [=, this] { return builder_.shape(a)[0].batch ? a : builder_.expand_batch(a); },
            [=, this] {
              const Value rows = builder_.shape(a)[0].batch ? a : builder_.expand_batch(a);
              return builder_.slice_batch(builder_.concat({rows, rows}, 0), 1, 2);
            },
            [=, this] {
              const Value wide = builder_.pad(a, {graph::PadMode::kReflect, {0, 0, 1, 0}, {0, 0, 0, 1}});
              return builder_.slice(builder_.slice(wide, 2, 0, kHeight), 3, 1, 1 + kWidth);
            }};
  }

  std::vector<Make> others() {
    const Value a = any();
    const Value b = any();
    const Value table = constant({3, 1, 1, 1});
    std::vector<Make> made{[=, this] {
                             return builder_.resize(builder_.resize(a, {graph::ResizeMode::kBilinear, 9, 7}),
                                                    {graph::ResizeMode::kNearestExact, kHeight, kWidth});
                           },
                           [=, this] { return loop(a, b, table); }};
    if (rounding_ == Rounding::kNo) return made;
    made.push_back([=, this] { return builder_.cast(builder_.cast(builder_.mul(a, 9.0F), DType::kU8), DType::kF32); });
    made.push_back([=, this] { return builder_.cast(builder_.cast(a, DType::kF16), DType::kF32); });
    return made;
  }

  /// x becomes x * gain + other, three times.
  Value loop(Value start, Value other, Value table) {
    if (builder_.shape(other)[0].batch && !builder_.shape(start)[0].batch) start = builder_.expand_batch(start);
    graph::Builder body;
    const Value gain = body.input("gain", DType::kF32, {1, 1, 1});
    const Value x = body.input("x", DType::kF32, builder_.shape(start));
    const Value y = body.input("y", DType::kF32, builder_.shape(other));
    (void)body.add(x, 1.0F);
    body.output("x",
                body.add(body.mul(x, gain), body.tanh(body.transpose(body.transpose(y, {0, 1, 3, 2}), {0, 1, 3, 2}))));
    graph::LoopAttrs attrs;
    attrs.body = std::make_shared<const graph::Graph>(body.take());
    attrs.trip_count = 3;
    attrs.tables = 1;
    attrs.carried = 1;
    return builder_.loop(std::move(attrs), std::vector<Value>{table, start, other});
  }

  Dice dice_;
  Rounding rounding_;
  graph::Builder builder_;
  std::vector<Value> maps_;
  Value time_;
};

}  // namespace comfystream::tests
