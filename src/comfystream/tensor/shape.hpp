// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace comfystream {

/// A concrete tensor shape, outermost dimension first. Rank 0 is a scalar of one element. Dimensions are >= 0.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : dims_(dims) {}
  explicit Shape(std::vector<std::int64_t> dims) : dims_(std::move(dims)) {}

  [[nodiscard]] std::size_t rank() const noexcept { return dims_.size(); }
  [[nodiscard]] std::int64_t operator[](std::size_t axis) const { return dims_.at(axis); }
  [[nodiscard]] const std::vector<std::int64_t>& dims() const noexcept { return dims_; }
  /// Number of elements: the product of the dimensions.
  [[nodiscard]] std::int64_t elements() const noexcept;
  /// "[2, 3, 512, 512]"
  [[nodiscard]] std::string to_string() const;

  bool operator==(const Shape&) const = default;

 private:
  std::vector<std::int64_t> dims_;
};

}  // namespace comfystream
