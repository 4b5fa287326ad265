// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/guidance.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>

namespace comfystream::diffusion {
namespace {

using graph::Builder;
using graph::Value;

/// ComfyUI's limit on repeating a context's tokens.
constexpr std::int64_t kMostRepeats = 4;

constexpr graph::Dim kOne{1};

graph::Dim rows_of(const Builder& builder, Value value) { return builder.shape(value)[0]; }

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
  // Both prompts must have as many rows. Those of one row stay so beside hints of N: [2, ...] meets [2N, ...] later,
  // and what no frame influences is computed once. A fixed number of rows tells no such story: 2 could be 2 frames.
  std::vector<Value> deciding{x, positive, negative};
  std::ranges::copy_if(rows, std::back_inserter(deciding), [&](Value row) { return !rows_of(builder, row).batch; });
  const auto most = std::ranges::find_if(deciding, [&](Value value) { return rows_of(builder, value) != kOne; });
  if (most != deciding.end()) {
    const graph::Dim wanted = rows_of(builder, *most);
    for (Value* value : {&x, &positive, &negative}) *value = builder.with_rows(*value, wanted);
  }
  for (Value& row : rows) {
    if (rows_of(builder, row) != kOne) row = builder.concat({row, row}, 0);
  }
  const Value both =
      network(builder, builder.concat({x, x}, 0), builder.concat({positive, negative}, 0), rows, Prompt::kBoth);
  const graph::Dim all = rows_of(builder, both);
  const auto half = [&](std::int64_t index) {
    const std::int64_t begin = index * all.count / 2;
    const std::int64_t end = begin + all.count / 2;
    return all.batch ? builder.slice_batch(both, begin, end) : builder.slice(both, 0, begin, end);
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
