// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/kernel.hpp"
#include "comfystream/backend/reference/lanes.hpp"
#include "comfystream/backend/reference/panels.hpp"
#include "comfystream/backend/reference/walk.hpp"

#include <algorithm>
#include <cmath>

namespace comfystream::backend::reference {
namespace {

struct Attention {
  graph::AttentionAttrs attrs;
  std::int64_t batch, heads, queries, keys, head_size, value_size;
  std::int64_t key_batch_step, value_batch_step;  // in batches: 0 when k or v serves every frame
  Strides mask;                                   // over [batch, heads, queries, keys]; empty without a mask

  [[nodiscard]] std::int64_t key_floats() const { return panel_floats(head_size, keys); }
  [[nodiscard]] std::int64_t value_floats() const { return panel_floats(keys, value_size); }
};

// Queries that are worked on together.
constexpr std::int64_t kBlock = 4;

// Scores of one query in place become weights that sum to 1. A row that sees nothing is NaN, as PyTorch's is.
void softmax(float* scores, std::int64_t count) {
  const float most = largest(scores, count);
  for (std::int64_t i = 0; i < count; ++i) scores[i] = std::exp(scores[i] - most);
  const auto inverse = static_cast<float>(1.0 / sum(scores, count));
  for (std::int64_t i = 0; i < count; ++i) scores[i] *= inverse;
}

// Products of query `query` with all keys become weights. mask is the row's first element, or null.
void weigh(const Attention& a, std::int64_t query, const float* mask, float* scores) {
  const std::int64_t seen = a.attrs.causal ? std::min(a.keys, query + 1) : a.keys;
  for (std::int64_t i = 0; i < seen; ++i) scores[i] *= a.attrs.scale;
  if (mask != nullptr) {
    for (std::int64_t i = 0; i < seen; ++i) scores[i] += mask[i * a.mask[3]];
  }
  softmax(scores, seen);
  std::fill(scores + seen, scores + a.keys, 0.0F);
}

// One head: q [queries, head_size], k and v as panels of [head_size, keys] and [keys, value_size], mask the head's
// first element (or null), out [queries, value_size].
void attend(const Attention& a, const float* q, const float* k, const float* v, const float* mask, float* scores,
            float* out) {
  for (std::int64_t t = 0; t < a.queries; t += kBlock) {
    const std::int64_t rows = std::min(kBlock, a.queries - t);
    std::fill_n(scores, rows * a.keys, 0.0F);
    add_panels({q + t * a.head_size, a.head_size}, rows, k, a.head_size, {scores, a.keys}, a.keys);
    for (std::int64_t r = 0; r < rows; ++r) {
      weigh(a, t + r, mask == nullptr ? nullptr : mask + (t + r) * a.mask[2], scores + r * a.keys);
    }
    std::fill_n(out + t * a.value_size, rows * a.value_size, 0.0F);
    add_panels({scores, a.keys}, rows, v, a.keys, {out + t * a.value_size, a.value_size}, a.value_size);
  }
}

void run(const Attention& a, const Arguments& arguments) {
  auto* k = reinterpret_cast<float*>(arguments.scratch);
  float* v = k + a.key_floats();
  float* scores = v + a.value_floats();
  std::fill(k, scores, 0.0F);  // columns that panels have and k and v do not
  const float* mask = arguments.optional_input<float>(3);
  for (std::int64_t n = 0; n < a.batch; ++n) {
    for (std::int64_t h = 0; h < a.heads; ++h) {
      const std::int64_t head = n * a.heads + h;
      const std::int64_t key_head = n * a.key_batch_step * a.heads + h;
      const std::int64_t value_head = n * a.value_batch_step * a.heads + h;
      pack_columns(arguments.input<float>(1) + key_head * a.keys * a.head_size, a.head_size, a.head_size, a.keys, k);
      pack_rows(arguments.input<float>(2) + value_head * a.keys * a.value_size, a.keys, a.value_size, v);
      attend(a, arguments.input<float>(0) + head * a.queries * a.head_size, k, v,
             mask == nullptr ? nullptr : mask + n * a.mask[0] + h * a.mask[1], scores,
             arguments.output<float>() + head * a.queries * a.value_size);
    }
  }
}

}  // namespace

Kernel attention_kernel(const Site& site) {
  const auto& q = site.operands[0].shape;
  const auto& k = site.operands[1].shape;
  const auto& v = site.operands[2].shape;
  Attention a{site.attributes<graph::AttentionAttrs>(),
              q[0],
              q[1],
              q[2],
              k[2],
              q[3],
              v[3],
              k[0] == 1 ? 0 : 1,
              v[0] == 1 ? 0 : 1,
              {}};
  if (site.operands.size() == 4) a.mask = broadcast_strides(site.operands[3].shape, Shape{q[0], q[1], q[2], k[2]});
  const auto scratch = static_cast<std::size_t>(a.key_floats() + a.value_floats() + kBlock * a.keys) * sizeof(float);
  return {[a](const Arguments& arguments) { run(a, arguments); }, scratch};
}

}  // namespace comfystream::backend::reference
