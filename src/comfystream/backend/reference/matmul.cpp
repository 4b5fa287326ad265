// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/kernel.hpp"
#include "comfystream/backend/reference/lanes.hpp"
#include "comfystream/backend/reference/panels.hpp"
#include "comfystream/backend/reference/walk.hpp"

#include <algorithm>

namespace comfystream::backend::reference {
namespace {

struct Sizes {
  std::int64_t rows, inner, columns;
};

// out [rows, columns] = a [rows, inner] b [inner, columns]
void multiply(const Sizes& s, const float* a, const float* b, float* out) {
  for (std::int64_t row = 0; row < s.rows; ++row, out += s.columns) {
    std::fill_n(out, s.columns, 0.0F);
    for (std::int64_t i = 0; i < s.inner; ++i) add_scaled(out, b + i * s.columns, *a++, s.columns);
  }
}

// out [rows, columns] = a [rows, inner] b^T, b being [columns, inner]
void multiply_transposed(const Sizes& s, const float* a, const float* b, float* out) {
  for (std::int64_t row = 0; row < s.rows; ++row, a += s.inner, out += s.columns) {
    for (std::int64_t column = 0; column < s.columns; ++column) out[column] = dot(a, b + column * s.inner, s.inner);
  }
}

// out [rows, columns] = x [rows, inner] w^T + bias, w being [columns, inner], bias [columns] or null; `panel` is
// scratch.
void multiply_by_weight(const Sizes& s, const float* x, const float* w, const float* bias, float* out, float* panel) {
  std::fill_n(panel, kPanel * s.inner, 0.0F);
  for (std::int64_t column = 0; column < s.columns; column += kPanel) {
    const std::int64_t count = std::min(kPanel, s.columns - column);
    pack_columns(w + column * s.inner, s.inner, s.inner, count, panel);
    for (std::int64_t row = 0; row < s.rows; ++row) {
      float* to = out + row * s.columns + column;
      if (bias == nullptr) {
        std::fill_n(to, count, 0.0F);
      } else {
        std::copy_n(bias + column, count, to);
      }
    }
    add_panel({x, s.inner}, s.rows, panel, s.inner, {out + column, s.columns}, count);
  }
}

Shape without_last_two(const Shape& shape) {
  return Shape(std::vector<std::int64_t>(shape.dims().begin(), shape.dims().end() - 2));
}

}  // namespace

Kernel linear_kernel(const Site& site) {
  const auto& w = site.operands[1].shape;
  const std::int64_t rows = w[0] == 0 ? 0 : site.result.shape.elements() / w[0];
  const Sizes sizes{rows, w[1], w[0]};
  const auto scratch = static_cast<std::size_t>(kPanel * sizes.inner) * sizeof(float);
  return {[sizes](const Arguments& arguments) {
            multiply_by_weight(sizes, arguments.input<float>(0), arguments.input<float>(1),
                               arguments.optional_input<float>(2), arguments.output<float>(),
                               reinterpret_cast<float*>(arguments.scratch));
          },
          scratch};
}

Kernel matmul_kernel(const Site& site) {
  const Shape& a = site.operands[0].shape;
  const Shape& b = site.operands[1].shape;
  const Shape& y = site.result.shape;
  const Sizes s{y[y.rank() - 2], a[a.rank() - 1], y[y.rank() - 1]};
  const bool transposed = site.attributes<graph::MatmulAttrs>().transpose_b;
  const Shape outer = without_last_two(y);
  const Walk<3> matrices(outer, {contiguous_strides(outer), broadcast_strides(without_last_two(a), outer),
                                 broadcast_strides(without_last_two(b), outer)});
  return {[=](const Arguments& arguments) {
    matrices.for_each_row([&](const auto& offsets, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) {
        float* out = arguments.output<float>() + (offsets[0] + i * matrices.step(0)) * s.rows * s.columns;
        const float* left = arguments.input<float>(0) + (offsets[1] + i * matrices.step(1)) * s.rows * s.inner;
        const float* right = arguments.input<float>(1) + (offsets[2] + i * matrices.step(2)) * s.inner * s.columns;
        if (transposed) {
          multiply_transposed(s, left, right, out);
        } else {
          multiply(s, left, right, out);
        }
      }
    });
  }};
}

}  // namespace comfystream::backend::reference
