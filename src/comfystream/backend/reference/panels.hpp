// SPDX-License-Identifier: Apache-2.0
// Products with a matrix whose columns are packed eight by eight, so that a compiler keeps a tile of sums in registers.
// Every element is summed in the order of the inner dimension: packing changes no bit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace comfystream::backend::reference {

/// Columns of a panel: [inner, kPanel] floats in a row; columns that a matrix does not have may hold anything.
inline constexpr std::int64_t kPanel = 8;

/// Floats of all panels of a matrix [inner, columns].
[[nodiscard]] constexpr std::int64_t panel_floats(std::int64_t inner, std::int64_t columns) {
  return (columns + kPanel - 1) / kPanel * kPanel * inner;
}

/// Packs a matrix given by its columns, `step` floats apart, each of `inner` contiguous floats.
inline void pack_columns(const float* columns, std::int64_t step, std::int64_t inner, std::int64_t count,
                         float* panels) {
  for (std::int64_t c = 0; c < count; ++c) {
    float* to = panels + c / kPanel * kPanel * inner + c % kPanel;
    for (std::int64_t i = 0; i < inner; ++i) to[i * kPanel] = columns[c * step + i];
  }
}

/// Packs a matrix [inner, count] given by its rows.
inline void pack_rows(const float* rows, std::int64_t inner, std::int64_t count, float* panels) {
  for (std::int64_t c = 0; c < count; c += kPanel) {
    for (std::int64_t i = 0; i < inner; ++i, panels += kPanel) {
      std::copy_n(rows + i * count + c, std::min(kPanel, count - c), panels);
    }
  }
}

/// Rows of a matrix, `step` floats apart.
template <typename Float>
struct Rows {
  Float* data;
  std::int64_t step;

  [[nodiscard]] Float* row(std::size_t index) const { return data + static_cast<std::int64_t>(index) * step; }
};

/// Half a row of a panel: what a register holds everywhere. With an array of floats GCC 12 shuffles across iterations
/// instead, and with wider vectors than the machine's it keeps the sums in memory.
using Lanes [[gnu::vector_size(kPanel / 2 * sizeof(float))]] = float;

inline Lanes load_lanes(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

/// out [Count, columns] += a [Count, inner] panel, of the panel's first `columns` columns.
template <std::size_t Count>
void add_tile(Rows<const float> a, const float* panel, std::int64_t inner, Rows<float> out, std::int64_t columns) {
  constexpr std::size_t kHalf = kPanel / 2;
  float row[kPanel] = {};
  Lanes left[Count];
  Lanes right[Count];
  for (std::size_t r = 0; r < Count; ++r) {
    std::copy_n(out.row(r), columns, row);
    left[r] = load_lanes(row);
    right[r] = load_lanes(row + kHalf);
  }
  for (std::int64_t i = 0; i < inner; ++i, panel += kPanel) {
    const Lanes first = load_lanes(panel);
    const Lanes second = load_lanes(panel + kHalf);
    for (std::size_t r = 0; r < Count; ++r) {
      left[r] += a.row(r)[i] * first;
      right[r] += a.row(r)[i] * second;
    }
  }
  for (std::size_t r = 0; r < Count; ++r) {
    std::memcpy(row, &left[r], sizeof left[r]);
    std::memcpy(row + kHalf, &right[r], sizeof right[r]);
    std::copy_n(row, columns, out.row(r));
  }
}

/// out [rows, columns] += a [rows, inner] panel, of one panel's first `columns` columns.
inline void add_panel(Rows<const float> a, std::int64_t rows, const float* panel, std::int64_t inner, Rows<float> out,
                      std::int64_t columns) {
  constexpr std::size_t kTile = 4;
  const auto count = static_cast<std::size_t>(rows);
  std::size_t r = 0;
  for (; r + kTile <= count; r += kTile) {
    add_tile<kTile>({a.row(r), a.step}, panel, inner, {out.row(r), out.step}, columns);
  }
  for (; r < count; ++r) add_tile<1>({a.row(r), a.step}, panel, inner, {out.row(r), out.step}, columns);
}

/// out [rows, columns] += a [rows, inner] b, b packed.
inline void add_panels(Rows<const float> a, std::int64_t rows, const float* panels, std::int64_t inner, Rows<float> out,
                       std::int64_t columns) {
  for (std::int64_t c = 0; c < columns; c += kPanel, panels += kPanel * inner) {
    add_panel(a, rows, panels, inner, {out.data + c, out.step}, std::min(kPanel, columns - c));
  }
}

}  // namespace comfystream::backend::reference
