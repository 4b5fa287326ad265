// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/kernel.hpp"
#include "comfystream/backend/reference/lanes.hpp"
#include "comfystream/backend/reference/walk.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace comfystream::backend::reference {
namespace {

struct Attention {
  graph::AttentionAttrs attrs;
  std::int64_t batch, heads, queries, keys, head_size, value_size;
  std::int64_t key_batch_step, value_batch_step;  // in batches: 0 when k or v serves every frame
  Strides mask;                                   // over [batch, heads, queries, keys]; empty without a mask
};

// Scores of one query in place become weights that sum to 1. A row that sees nothing is NaN, as PyTorch's is.
void softmax(float* scores, std::int64_t count) {
  float largest = -std::numeric_limits<float>::infinity();
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, scores[i]);
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    scores[i] = std::exp(scores[i] - largest);
    sum += scores[i];
  }
  const auto inverse = static_cast<float>(1.0 / sum);
  for (std::int64_t i = 0; i < count; ++i) scores[i] *= inverse;
}

// q [head_size], k [keys, head_size], v [keys, value_size], mask the row's first element (or null), out [value_size]
void attend(const Attention& a, std::int64_t query, const float* q, const float* k, const float* v, const float* mask,
            float* scores, float* out) {
  const std::int64_t seen = a.attrs.causal ? std::min(a.keys, query + 1) : a.keys;
  for (std::int64_t i = 0; i < seen; ++i) {
    scores[i] = dot(q, k + i * a.head_size, a.head_size) * a.attrs.scale;
    if (mask != nullptr) scores[i] += mask[i * a.mask[3]];
  }
  softmax(scores, seen);
  std::fill_n(out, a.value_size, 0.0F);
  for (std::int64_t i = 0; i < seen; ++i) add_scaled(out, v + i * a.value_size, scores[i], a.value_size);
}

void run(const Attention& a, const Arguments& arguments) {
  auto* scores = reinterpret_cast<float*>(arguments.scratch);
  const float* mask = arguments.optional_input<float>(3);
  for (std::int64_t n = 0; n < a.batch; ++n) {
    for (std::int64_t h = 0; h < a.heads; ++h) {
      const float* k = arguments.input<float>(1) + (n * a.key_batch_step * a.heads + h) * a.keys * a.head_size;
      const float* v = arguments.input<float>(2) + (n * a.value_batch_step * a.heads + h) * a.keys * a.value_size;
      for (std::int64_t t = 0; t < a.queries; ++t) {
        const std::int64_t row = (n * a.heads + h) * a.queries + t;
        const float* mask_row = mask == nullptr ? nullptr : mask + n * a.mask[0] + h * a.mask[1] + t * a.mask[2];
        attend(a, t, arguments.input<float>(0) + row * a.head_size, k, v, mask_row, scores,
               arguments.output<float>() + row * a.value_size);
      }
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
  const auto scratch = static_cast<std::size_t>(a.keys) * sizeof(float);
  return {[a](const Arguments& arguments) { run(a, arguments); }, scratch};
}

}  // namespace comfystream::backend::reference
