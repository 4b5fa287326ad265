// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/guidance.hpp"

#include <algorithm>
#include <numeric>

namespace comfystream::diffusion {
namespace {

using graph::Builder;
using graph::Value;

/// ComfyUI's limit on repeating a context's tokens.
constexpr std::int64_t kMostRepeats = 4;

bool per_frame(const Builder& builder, Value value) { return builder.shape(value)[0].batch; }

std::int64_t tokens(const Builder& builder, Value context) { return builder.shape(context)[1].count; }

bool one_batch(const Builder& builder, const Guidance& guidance) {
  const auto a = tokens(builder, guidance.positive);
  const auto b = tokens(builder, guidance.negative);
  return guidance.same_control && std::lcm(a, b) / std::min(a, b) <= kMostRepeats;
}

Value repeat_tokens(Builder& builder, Value context, std::int64_t wanted) {
  const auto times = static_cast<std::size_t>(wanted / tokens(builder, context));
  if (times == 1) return context;
  return builder.concat(std::vector<Value>(times, context), 1);
}

struct Pair {
  Value positive;
  Value negative;
};

Pair run_as_one(Builder& builder, const Guidance& guidance, Value x, const PromptFn& network) {
  const auto length = std::lcm(tokens(builder, guidance.positive), tokens(builder, guidance.negative));
  Value positive = repeat_tokens(builder, guidance.positive, length);
  Value negative = repeat_tokens(builder, guidance.negative, length);
  auto rows = guidance.rows;
  const auto is_per_frame = [&](Value value) { return per_frame(builder, value); };
  const bool batched =
      is_per_frame(x) || is_per_frame(positive) || is_per_frame(negative) || std::ranges::any_of(rows, is_per_frame);
  if (batched) {
    for (Value* value : {&x, &positive, &negative}) *value = builder.expand_batch(*value);
  }
  for (Value& row : rows) {
    if (is_per_frame(row)) row = builder.concat({row, row}, 0);
  }
  const Value both =
      network(builder, builder.concat({x, x}, 0), builder.concat({positive, negative}, 0), rows, Prompt::kBoth);
  const auto half = [&](std::int64_t index) {
    return batched ? builder.slice_batch(both, index, index + 1) : builder.slice(both, 0, index, index + 1);
  };
  return {half(0), half(1)};
}

}  // namespace

Value trace_guidance(Builder& builder, const Guidance& guidance, Value x, const PromptFn& network) {
  const Pair eps = one_batch(builder, guidance)
                       ? run_as_one(builder, guidance, x, network)
                       : Pair{network(builder, x, guidance.positive, guidance.rows, Prompt::kPositive),
                              network(builder, x, guidance.negative, guidance.rows, Prompt::kNegative)};
  return builder.add(eps.negative, builder.mul(builder.sub(eps.positive, eps.negative), guidance.scale));
}

}  // namespace comfystream::diffusion
