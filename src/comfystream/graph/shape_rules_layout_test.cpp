// SPDX-License-Identifier: Apache-2.0
#include "comfystream/graph/shape_rules_test.hpp"

namespace comfystream::graph {
namespace {

constexpr Dim kTwoN{2, true};
const SymShape kMap{kBatch, 6, 5, 4};

TEST(ShapeRules, Concat) {
  const auto concat = [](std::int64_t axis, std::vector<ValueType> operands) {
    return Op{OpKind::kConcat, ConcatAttrs{axis}, std::move(operands)};
  };
  expect_shape(concat(1, {f32({kBatch, 2}), f32({kBatch, 3}), f32({kBatch, 1})}), {kBatch, 6});
  expect_shape(concat(0, {f32({kBatch, 2}), f32({kTwoN, 2})}), {Dim(3, true), 2});
  EXPECT_EQ(concat(0, {typed(DType::kU8, {2}), typed(DType::kU8, {3})}).type(), typed(DType::kU8, {5}));
  expect_refused(concat(0, {f32({kBatch, 2}), f32({1, 2})}), {"concat", "multiples of N"});
  expect_refused(concat(0, {}), {"takes"});
  expect_refused(concat(2, {f32({kBatch, 2})}), {"no axis 2"});
  expect_refused(concat(1, {f32({kBatch, 2}), f32({kBatch})}), {"ranks differ"});
  expect_refused(concat(1, {f32({kBatch, 2}), f32({1, 2})}), {"differ in axis 0"});
  expect_refused(concat(0, {f32({2}), typed(DType::kU8, {2})}), {"one type"});
}

TEST(ShapeRules, Slice) {
  const auto slice = [](SliceAttrs attrs, SymShape x = {kTwoN, 6}) {
    return Op{OpKind::kSlice, attrs, {f32(std::move(x))}};
  };
  expect_shape(slice({1, 1, 5}), {kTwoN, 4});
  expect_shape(slice({1, 1, 6, 2}), {kTwoN, 3});
  expect_shape(slice({1, 0, 6, 4}), {kTwoN, 2});
  expect_shape(slice({0, 0, 2}), {2, 6});
  expect_shape(slice({0, 1, 2, 1, true}), {kBatch, 6});
  expect_refused(slice({0, 0, 3}), {"slice", "0..3"});
  expect_refused(slice({0, 0, 2, 2, true}), {"the step be 1"});
  expect_refused(slice({1, 0, 2, 1, true}), {"must depend on N"});
  expect_refused(slice({1, 3, 3}), {"3..3"});
  expect_refused(slice({1, -1, 3}), {"-1..3"});
  expect_refused(slice({1, 0, 7}), {"0..7"});
  expect_refused(slice({1, 0, 6, 0}), {"by 0"});
  expect_refused(slice({2, 0, 1}), {"no axis 2"});
  expect_counted(slice({1, 0, 1}));
}

TEST(ShapeRules, Reshape) {
  const auto reshape = [](SymShape to) { return Op{OpKind::kReshape, ReshapeAttrs{std::move(to)}, {f32(kMap)}}; };
  expect_shape(reshape({kBatch, 30, 4}), {kBatch, 30, 4});
  expect_shape(reshape({2, kBatch, 60}), {2, kBatch, 60});
  expect_shape(reshape({Dim(120, true)}), {Dim(120, true)});
  expect_refused(reshape({kBatch, 119}), {"reshape", "[N, 119]", "another number of elements"});
  expect_refused(reshape({120}), {"another number"});
  expect_refused(reshape({kBatch, kBatch, 120}), {"more than one dimension"});
}

TEST(ShapeRules, Transpose) {
  const auto transpose = [](std::vector<std::int64_t> order) {
    return Op{OpKind::kTranspose, TransposeAttrs{std::move(order)}, {typed(DType::kF16, kMap)}};
  };
  EXPECT_EQ(transpose({1, 3, 0, 2}).type(), typed(DType::kF16, {6, 4, kBatch, 5}));
  expect_refused(transpose({0, 1, 2}), {"transpose", "an entry for every axis"});
  expect_refused(transpose({0, 1, 1, 2}), {"an axis twice"});
  expect_refused(transpose({0, 1, 2, 4}), {"no axis 4"});
}

TEST(ShapeRules, Expand) {
  const auto expand = [](SymShape to) { return Op{OpKind::kExpand, ExpandAttrs{std::move(to)}, {f32({1, 3, 1})}}; };
  expect_shape(expand({kTwoN, 3, 4}), {kTwoN, 3, 4});
  expect_shape(expand({1, 3, kBatch}), {1, 3, kBatch});
  expect_refused(expand({1, 6, 1}), {"expand", "[1, 6, 1]"});
  expect_refused(expand({3, 1}), {"cannot repeat"});
  expect_refused(expand({kBatch, 3, kBatch}), {"more than one dimension"});
}

TEST(ShapeRules, Resize) {
  const auto resize = [](SymShape x, std::int64_t height, std::int64_t width) {
    return Op{OpKind::kResize, ResizeAttrs{ResizeMode::kBicubic, height, width}, {f32(std::move(x))}};
  };
  expect_shape(resize(kMap, 3, 9), {kBatch, 6, 3, 9});
  expect_f32_only(resize(kMap, 3, 9));
  expect_refused(resize({kBatch, 5, 4}, 3, 9), {"resize", "rank 4"});
  expect_refused(resize(kMap, 0, 9), {"must be positive"});
  expect_refused(resize({1, 1, kBatch, 4}, 3, 9), {"fixed sizes"});
  expect_refused(resize({1, 1, 0, 4}, 3, 9), {"fixed sizes"});
}

TEST(ShapeRules, Pad) {
  const auto pad = [](PadMode mode, std::vector<std::int64_t> before, std::vector<std::int64_t> after) {
    return Op{OpKind::kPad, PadAttrs{mode, std::move(before), std::move(after)}, {typed(DType::kU8, {kBatch, 3, 4})}};
  };
  EXPECT_EQ(pad(PadMode::kConstant, {0, 9, 1}, {0, 0, 2}).type(), typed(DType::kU8, {kBatch, 12, 7}));
  EXPECT_EQ(pad(PadMode::kReflect, {0, 2, 0}, {0, 2, 3}).type(), typed(DType::kU8, {kBatch, 7, 7}));
  EXPECT_EQ(pad(PadMode::kReplicate, {0, 5, 0}, {0, 0, 0}).type(), typed(DType::kU8, {kBatch, 8, 4}));
  expect_refused(pad(PadMode::kReflect, {0, 3, 0}, {0, 0, 0}), {"pad", "smaller than the dimension"});
  expect_refused(pad(PadMode::kConstant, {0, 0}, {0, 0, 0}), {"an entry for every axis"});
  expect_refused(pad(PadMode::kConstant, {0, -1, 0}, {0, 2, 0}), {"not be negative"});
  expect_refused(pad(PadMode::kConstant, {1, 0, 0}, {0, 0, 0}), {"depends on N"});
  expect_refused({OpKind::kPad, PadAttrs{PadMode::kReplicate, {1}, {0}}, {f32({0})}}, {"nothing to repeat"});
}

TEST(ShapeRules, Embedding) {
  const auto embedding = [](ValueType indices, ValueType table) {
    return Op{OpKind::kEmbedding, NoAttrs{}, {std::move(indices), std::move(table)}};
  };
  expect_shape(embedding(typed(DType::kI32, {kBatch, 77}), f32({9, 4})), {kBatch, 77, 4});
  EXPECT_EQ(embedding(typed(DType::kI64, {}), typed(DType::kF16, {9, 4})).type(), typed(DType::kF16, {4}));
  expect_refused(embedding(f32({1}), f32({9, 4})), {"embedding", "operand 0 must be i32 or i64"});
  expect_refused(embedding(typed(DType::kI32, {1}), f32({9})), {"operand 1", "rank 2"});
  expect_refused(embedding(typed(DType::kI32, {1}), f32({kBatch, 4})), {"fixed size"});
}

TEST(SymShape, KnowsItsSizeForEveryBatch) {
  const SymShape shape{kTwoN, 3};
  EXPECT_TRUE(shape.symbolic());
  EXPECT_EQ(shape.at(4), (Shape{8, 3}));
  EXPECT_EQ(shape.elements(), Dim(6, true));
  EXPECT_EQ(shape.to_string(), "[2N, 3]");
  EXPECT_EQ(SymShape(Shape{2, 3}).elements(), Dim{6});
  EXPECT_EQ(SymShape().elements(), Dim{1});
  EXPECT_FALSE(SymShape({1, 2}).symbolic());
}

TEST(SymShape, Broadcasts) {
  EXPECT_EQ(broadcast({kBatch, 1, 3}, {4, 1}), (SymShape{kBatch, 4, 3}));
  EXPECT_EQ(broadcast({}, {kTwoN}), (SymShape{kTwoN}));
  EXPECT_EQ(broadcast({1}, {0}), (SymShape{0}));
  EXPECT_FALSE(try_broadcast({kBatch}, {2}));
  EXPECT_FALSE(try_broadcast({kBatch}, {kTwoN}));
  EXPECT_THROW((void)broadcast({2}, {3}), Error);
}

}  // namespace
}  // namespace comfystream::graph
