// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/shape_rules_detail.hpp"

#include <algorithm>
#include <limits>

namespace comfystream::graph::detail {

ValueType concat(const Rule& rule) {
  rule.require_count(1, std::numeric_limits<std::size_t>::max());
  rule.require_same_dtype();
  SymShape shape = rule.shape(0);
  const auto axis = rule.require_axis(rule.attributes<ConcatAttrs>().axis, shape.rank());
  for (std::size_t i = 1; i < rule.operands.size(); ++i) {
    const auto& other = rule.shape(i);
    rule.require(other.rank() == shape.rank(), "the ranks differ");
    for (std::size_t d = 0; d < shape.rank(); ++d) {
      if (d != axis && other[d] != shape[d]) rule.fail("the shapes differ in axis " + std::to_string(d));
    }
    rule.require(other[axis].batch == shape[axis].batch, "multiples of N join with multiples of N only");
    shape.dims()[axis].count += other[axis].count;
  }
  return {rule.dtype(0), std::move(shape)};
}

ValueType slice(const Rule& rule) {
  rule.require_count(1, 1);
  const auto& a = rule.attributes<SliceAttrs>();
  SymShape shape = rule.shape(0);
  Dim& dim = shape.dims()[rule.require_axis(a.axis, shape.rank())];
  // With of_batch both count in units of N; without it, k * N >= k makes `count` a bound that holds for every batch.
  if (a.begin < 0 || a.begin >= a.end || a.end > dim.count || a.step < 1) {
    rule.fail("cannot take " + std::to_string(a.begin) + ".." + std::to_string(a.end) + " by " +
              std::to_string(a.step) + " of axis " + std::to_string(a.axis));
  }
  if (a.of_batch) rule.require(dim.batch && a.step == 1, "the axis must depend on N and the step be 1");
  dim = Dim((a.end - a.begin + a.step - 1) / a.step, a.of_batch);
  return {rule.dtype(0), std::move(shape)};
}

ValueType reshape(const Rule& rule) {
  rule.require_count(1, 1);
  const auto& shape = rule.attributes<ReshapeAttrs>().shape;
  if (shape.elements() != rule.shape(0).elements()) {
    rule.fail("cannot reshape to " + shape.to_string() + ", which has another number of elements");
  }
  return {rule.dtype(0), shape};
}

ValueType transpose(const Rule& rule) {
  rule.require_count(1, 1);
  const auto& order = rule.attributes<TransposeAttrs>().order;
  const auto& x = rule.shape(0);
  rule.require(order.size() == x.rank(), "the order needs an entry for every axis");
  std::vector<bool> seen(order.size(), false);
  std::vector<Dim> dims;
  for (const auto axis : order) {
    const auto from = rule.require_axis(axis, x.rank());
    rule.require(!seen[from], "the order names an axis twice");
    seen[from] = true;
    dims.push_back(x[from]);
  }
  return {rule.dtype(0), SymShape(std::move(dims))};
}

ValueType expand(const Rule& rule) {
  rule.require_count(1, 1);
  const auto& shape = rule.attributes<ExpandAttrs>().shape;
  const auto& x = rule.shape(0);
  bool fits = shape.rank() == x.rank();
  for (std::size_t i = 0; fits && i < x.rank(); ++i) fits = x[i] == shape[i] || x[i] == Dim{1};
  if (!fits) rule.fail("cannot repeat to " + shape.to_string());
  return {rule.dtype(0), shape};
}

ValueType resize(const Rule& rule) {
  rule.require_count(1, 1);
  rule.require_f32();
  rule.require_rank(0, 4);
  const auto& a = rule.attributes<ResizeAttrs>();
  const auto& x = rule.shape(0);
  rule.require(!x[2].batch && !x[3].batch && x[2].count > 0 && x[3].count > 0, "height and width must be fixed sizes");
  rule.require(a.height > 0 && a.width > 0, "the new size must be positive");
  return {DType::kF32, {x[0], x[1], a.height, a.width}};
}

ValueType pad(const Rule& rule) {
  rule.require_count(1, 1);
  const auto& a = rule.attributes<PadAttrs>();
  SymShape shape = rule.shape(0);
  rule.require(a.before.size() == shape.rank() && a.after.size() == shape.rank(), "needs an entry for every axis");
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    Dim& dim = shape.dims()[i];
    const auto most = std::max(a.before[i], a.after[i]);
    rule.require(std::min(a.before[i], a.after[i]) >= 0, "padding must not be negative");
    if (most == 0) continue;
    rule.require(!dim.batch, "the axis depends on N");
    rule.require(a.mode != PadMode::kReflect || most < dim.count, "reflection must be smaller than the dimension");
    rule.require(a.mode == PadMode::kConstant || dim.count > 0, "nothing to repeat");
    dim.count += a.before[i] + a.after[i];
  }
  return {rule.dtype(0), std::move(shape)};
}

ValueType embedding(const Rule& rule) {
  rule.require_count(2, 2);
  rule.require_dtype(0, {DType::kI32, DType::kI64});
  rule.require_rank(1, 2);
  rule.require(!rule.shape(1).symbolic(), "the table must be of fixed size");
  SymShape shape = rule.shape(0);
  shape.dims().push_back(rule.shape(1)[1]);
  return {rule.dtype(1), std::move(shape)};
}

}  // namespace comfystream::graph::detail
