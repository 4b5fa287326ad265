// SPDX-License-Identifier: Apache-2.0
// Shapes whose dimensions may be multiples of N, the number of frames in the batch that is running.
#pragma once

#include "comfystream/tensor/shape.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace comfystream::graph {

/// A dimension: `count`, or `count * N` when `batch` is set.
struct Dim {
  std::int64_t count = 1;
  bool batch = false;

  constexpr Dim() = default;
  constexpr Dim(std::int64_t fixed) : count(fixed) {}  // NOLINT(google-explicit-constructor): a size is a Dim
  constexpr Dim(std::int64_t multiple, bool of_batch) : count(multiple), batch(of_batch) {}

  [[nodiscard]] constexpr std::int64_t at(std::int64_t batch_size) const { return batch ? count * batch_size : count; }
  bool operator==(const Dim&) const = default;
};

/// N itself.
inline constexpr Dim kBatch{1, true};

class SymShape {
 public:
  SymShape() = default;
  SymShape(std::initializer_list<Dim> dims) : dims_(dims) {}
  explicit SymShape(std::vector<Dim> dims) : dims_(std::move(dims)) {}
  explicit SymShape(const Shape& shape) : dims_(shape.dims().begin(), shape.dims().end()) {}

  [[nodiscard]] std::size_t rank() const noexcept { return dims_.size(); }
  [[nodiscard]] const Dim& operator[](std::size_t axis) const { return dims_.at(axis); }
  [[nodiscard]] const std::vector<Dim>& dims() const noexcept { return dims_; }
  [[nodiscard]] std::vector<Dim>& dims() noexcept { return dims_; }

  /// True if any dimension depends on N.
  [[nodiscard]] bool symbolic() const noexcept;
  /// The concrete shape for a batch of `batch_size` frames.
  [[nodiscard]] Shape at(std::int64_t batch_size) const;
  /// Number of elements: the product of the counts, times N if a dimension depends on N. A shape has at most one such
  /// dimension (infer_type sees to it).
  [[nodiscard]] Dim elements() const;
  /// "[N, 4, 64, 64]", "[2N, 77, 768]"
  [[nodiscard]] std::string to_string() const;

  bool operator==(const SymShape&) const = default;

 private:
  std::vector<Dim> dims_;
};

/// NumPy broadcasting; k * N broadcasts with 1 and with itself. Throws Error naming both shapes otherwise.
[[nodiscard]] SymShape broadcast(const SymShape& a, const SymShape& b);
/// The same, with nullopt where the shapes do not meet.
[[nodiscard]] std::optional<SymShape> try_broadcast(const SymShape& a, const SymShape& b);

}  // namespace comfystream::graph
