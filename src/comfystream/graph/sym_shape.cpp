// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/sym_shape.hpp"

#include "comfystream/error.hpp"

#include <algorithm>

namespace comfystream::graph {
namespace {

constexpr Dim kOne{1};

std::optional<Dim> meet(Dim a, Dim b) {
  if (a == b || b == kOne) return a;
  if (a == kOne) return b;
  return std::nullopt;
}

// Dimension `index` from the end; missing leading dimensions count as 1.
Dim from_end(const SymShape& shape, std::size_t index) {
  return index < shape.rank() ? shape[shape.rank() - 1 - index] : kOne;
}

}  // namespace

bool SymShape::symbolic() const noexcept {
  return std::any_of(dims_.begin(), dims_.end(), [](const Dim& dim) { return dim.batch; });
}

Shape SymShape::at(std::int64_t batch_size) const {
  std::vector<std::int64_t> dims;
  dims.reserve(dims_.size());
  for (const auto& dim : dims_) dims.push_back(dim.at(batch_size));
  return Shape(std::move(dims));
}

Dim SymShape::elements() const {
  std::int64_t count = 1;
  for (const auto& dim : dims_) count *= dim.count;
  return {count, symbolic()};
}

std::string SymShape::to_string() const {
  std::string text = "[";
  for (std::size_t i = 0; i < dims_.size(); ++i) {
    if (i != 0) text += ", ";
    if (!dims_[i].batch || dims_[i].count != 1) text += std::to_string(dims_[i].count);
    if (dims_[i].batch) text += "N";
  }
  return text + "]";
}

std::optional<SymShape> try_broadcast(const SymShape& a, const SymShape& b) {
  std::vector<Dim> dims(std::max(a.rank(), b.rank()));
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const auto dim = meet(from_end(a, i), from_end(b, i));
    if (!dim) return std::nullopt;
    dims[dims.size() - 1 - i] = *dim;
  }
  return SymShape(std::move(dims));
}

SymShape broadcast(const SymShape& a, const SymShape& b) {
  auto shape = try_broadcast(a, b);
  if (!shape) {
    throw Error(ErrorCode::kInvalidArgument, "shapes " + a.to_string() + " and " + b.to_string() + " do not broadcast");
  }
  return *shape;
}

}  // namespace comfystream::graph
