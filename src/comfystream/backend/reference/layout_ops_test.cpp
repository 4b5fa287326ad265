// SPDX-License-Identifier: Apache-2.0
// Operations that move elements, of every type and of random odd shapes, against their definition: which element of the
// operand each element of the result is.
#include "comfystream/graph/builder.hpp"
#include "tests/support/random_graph.hpp"
#include "tests/support/run_reference.hpp"

#include <cstring>
#include <functional>
#include <numeric>

#include <gtest/gtest.h>

namespace comfystream::backend::reference {
namespace {

using Index = std::vector<std::int64_t>;

constexpr DType kTypes[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kU8, DType::kI32, DType::kI64, DType::kBool};

/// Where an element of the result is in operand number `operand`; no operand: `fill`.
struct Source {
  std::size_t operand = 0;
  Index index;
  bool outside = false;
};

Index index_of(const Shape& shape, std::int64_t position) {
  Index index(shape.rank());
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    index[axis] = position % shape[axis];
    position /= shape[axis];
  }
  return index;
}

std::size_t position_of(const Shape& shape, const Index& index) {
  std::int64_t position = 0;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) position = position * shape[axis] + index[axis];
  return static_cast<std::size_t>(position);
}

/// Random bytes, except that bools are 0 or 1.
Tensor random_bytes(tests::Dice& dice, DType dtype, const Shape& shape) {
  Tensor tensor(dtype, shape);
  for (auto& byte : tensor.mutable_bytes()) {
    byte = static_cast<std::byte>(dice.roll(dtype == DType::kBool ? 2 : 256));
  }
  return tensor;
}

/// Runs one operation at batches 1, 3 and 8 of operands that are [N, ...rests] and compares every element.
void expect_moves(DType dtype, const std::vector<Shape>& rests, std::uint32_t seed,
                  const std::function<graph::Value(graph::Builder&, const std::vector<graph::Value>&)>& build,
                  const std::function<Source(const Index&, std::int64_t batch)>& source, const Tensor& fill = {}) {
  graph::Builder builder;
  std::vector<graph::Value> operands;
  for (std::size_t i = 0; i < rests.size(); ++i) {
    graph::SymShape shape(rests[i]);
    shape.dims().insert(shape.dims().begin(), graph::kBatch);
    operands.push_back(builder.input("x" + std::to_string(i), dtype, shape));
  }
  builder.output("y", build(builder, operands));
  const graph::Graph graph = builder.take();
  tests::Dice dice(seed);
  for (const std::int64_t batch : {1, 3, 8}) {
    std::vector<Tensor> inputs;
    inputs.reserve(operands.size());
    for (const auto value : operands) inputs.push_back(random_bytes(dice, dtype, graph.type(value).shape.at(batch)));
    const Tensor y = tests::run_reference(graph, inputs, batch, 8, {})[0];
    const std::size_t size = size_of(dtype);
    for (std::int64_t i = 0; i < y.elements(); ++i) {
      const Source from = source(index_of(y.shape(), i), batch);
      const Tensor& operand = inputs[from.operand];
      const std::byte* expected =
          from.outside ? fill.bytes().data() : operand.bytes().data() + position_of(operand.shape(), from.index) * size;
      ASSERT_EQ(std::memcmp(y.bytes().data() + static_cast<std::size_t>(i) * size, expected, size), 0)
          << "element " << i << " of " << y.shape().to_string() << ", batch " << batch;
    }
  }
}

class LayoutOps : public testing::TestWithParam<DType> {
 protected:
  static constexpr int kRounds = 12;

  Shape random_rest(std::size_t rank) {
    constexpr std::int64_t kSizes[] = {1, 2, 3, 5, 7};
    std::vector<std::int64_t> dims;
    for (std::size_t i = 0; i < rank; ++i) dims.push_back(kSizes[dice_.roll(std::size(kSizes))]);
    return Shape(dims);
  }
  std::int64_t up_to(std::int64_t most) {
    return static_cast<std::int64_t>(dice_.roll(static_cast<std::size_t>(most)));
  }

  tests::Dice dice_{9};
};

TEST_P(LayoutOps, TransposeTakesAxesInTheGivenOrder) {
  for (int round = 0; round < kRounds; ++round) {
    const Shape rest = random_rest(3);
    std::vector<std::int64_t> order{0, 1, 2, 3};
    for (std::size_t i = 3; i > 0; --i) std::swap(order[i], order[dice_.roll(i + 1)]);
    expect_moves(
        GetParam(), {rest}, 1, [&](auto& b, const auto& x) { return b.transpose(x[0], order); },
        [&](const Index& out, std::int64_t) {
          Index in(4);
          for (std::size_t i = 0; i < 4; ++i) in[static_cast<std::size_t>(order[i])] = out[i];
          return Source{0, in};
        });
  }
}

TEST_P(LayoutOps, SliceTakesEveryStepthFromTheBeginning) {
  for (int round = 0; round < kRounds; ++round) {
    const Shape rest = random_rest(3);
    const std::size_t axis = 1 + dice_.roll(3);
    const std::int64_t size = rest[axis - 1];
    const std::int64_t begin = up_to(size);
    const std::int64_t end = begin + 1 + up_to(size - begin);
    const std::int64_t step = 1 + up_to(3);
    expect_moves(
        GetParam(), {rest}, 2,
        [&](auto& b, const auto& x) { return b.slice(x[0], static_cast<std::int64_t>(axis), begin, end, step); },
        [&](Index index, std::int64_t) {
          index[axis] = begin + index[axis] * step;
          return Source{0, std::move(index)};
        });
  }
}

TEST_P(LayoutOps, ConcatPutsOneBehindTheOther) {
  for (int round = 0; round < kRounds; ++round) {
    const Shape first = random_rest(3);
    const std::size_t axis = dice_.roll(4);
    auto dims = first.dims();
    if (axis > 0) dims[axis - 1] = 4;
    expect_moves(
        GetParam(), {first, Shape(dims), first}, 3,
        [&](auto& b, const auto& x) { return b.concat(x, static_cast<std::int64_t>(axis)); },
        [&](Index index, std::int64_t batch) {
          const std::int64_t own = axis == 0 ? batch : first[axis - 1];
          const std::int64_t sizes[] = {own, axis == 0 ? batch : 4, own};
          std::size_t operand = 0;
          while (index[axis] >= sizes[operand]) index[axis] -= sizes[operand++];
          return Source{operand, std::move(index)};
        });
  }
}

TEST_P(LayoutOps, SliceBatchCountsInFrames) {
  const Shape rest{3, 2};
  for (const std::int64_t begin : {0, 1, 2}) {
    for (std::int64_t end = begin + 1; end <= 3; ++end) {
      expect_moves(
          GetParam(), {rest, rest, rest}, 4,
          [&](auto& b, const auto& x) { return b.slice_batch(b.concat(x, 0), begin, end); },
          [&](Index index, std::int64_t batch) {
            const auto operand = static_cast<std::size_t>(begin + index[0] / batch);
            index[0] %= batch;
            return Source{operand, std::move(index)};
          });
    }
  }
}

TEST_P(LayoutOps, ReshapeKeepsTheOrderOfElements) {
  const auto rows = [](Index index, std::int64_t) {
    const std::int64_t position = ((index[0] * 5 + index[1]) * 2 + index[2]) * 3 + index[3];
    return Source{0, index_of(Shape{8, 6, 5}, position)};
  };
  expect_moves(
      GetParam(), {{6, 5}}, 5,
      [](auto& b, const auto& x) {
        return b.reshape(x[0], {graph::kBatch, 5, 2, 3});
      },
      rows);
}

TEST_P(LayoutOps, ExpandRepeats) {
  expect_moves(
      GetParam(), {{1, 3, 1}}, 6,
      [](auto& b, const auto& x) {
        return b.expand(x[0], {graph::kBatch, 4, 3, 5});
      },
      [](const Index& index, std::int64_t) {
        return Source{0, {index[0], 0, index[2], 0}};
      });
}

TEST_P(LayoutOps, PadReflectsReplicatesOrFills) {
  for (const auto mode : {graph::PadMode::kConstant, graph::PadMode::kReflect, graph::PadMode::kReplicate}) {
    const Shape rest{3, 4};
    const graph::PadAttrs attrs{mode, {0, 2, 1}, {0, 1, 3}, 2.0F};
    const auto from = [&](std::int64_t i, std::int64_t size) {
      if (mode == graph::PadMode::kReplicate) return std::clamp<std::int64_t>(i, 0, size - 1);
      if (mode == graph::PadMode::kReflect) return i < 0 ? -i : (i < size ? i : 2 * size - 2 - i);
      return i < 0 || i >= size ? -1 : i;
    };
    const Tensor two = tests::run_reference(
        [] {
          graph::Builder b;
          b.output("y", b.cast(b.scalar(2.0F), GetParam()));
          return b.take();
        }(),
        {}, 1)[0];
    expect_moves(
        GetParam(), {rest}, 7, [&](auto& b, const auto& x) { return b.pad(x[0], attrs); },
        [&](const Index& index, std::int64_t) {
          const Index in{index[0], from(index[1] - 2, 3), from(index[2] - 1, 4)};
          return Source{0, in, in[1] < 0 || in[2] < 0};
        },
        two);
  }
}

TEST_P(LayoutOps, SelectTakesFromEitherOperand) {
  graph::Builder b;
  const auto condition = b.input("condition", DType::kBool, {graph::kBatch, 3, 1});
  const auto if_true = b.input("if_true", GetParam(), {graph::kBatch, 3, 5});
  const auto if_false = b.input("if_false", GetParam(), {5});
  b.output("y", b.select(condition, if_true, if_false));
  const graph::Graph graph = b.take();
  for (const std::int64_t batch : {1, 3, 8}) {
    const std::vector<Tensor> inputs{random_bytes(dice_, DType::kBool, {batch, 3, 1}),
                                     random_bytes(dice_, GetParam(), {batch, 3, 5}),
                                     random_bytes(dice_, GetParam(), {5})};
    const Tensor y = tests::run_reference(graph, inputs, batch)[0];
    const std::size_t size = size_of(GetParam());
    for (std::size_t i = 0; i < static_cast<std::size_t>(y.elements()); ++i) {
      const bool first = inputs[0].bytes()[i / 5] != std::byte{0};
      const std::byte* expected = first ? &inputs[1].bytes()[i * size] : &inputs[2].bytes()[i % 5 * size];
      ASSERT_EQ(std::memcmp(&y.bytes()[i * size], expected, size), 0) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, LayoutOps, testing::ValuesIn(kTypes),
                         [](const auto& param) { return std::string(to_string(param.param)); });

class EmbeddingOps : public testing::TestWithParam<DType> {};

TEST_P(EmbeddingOps, LooksUpRowsOfAnyType) {
  for (const auto dtype : {DType::kF32, DType::kF16, DType::kU8, DType::kI64}) {
    tests::Dice dice(11);
    graph::Builder b;
    const Tensor table = random_bytes(dice, dtype, {7, 3});
    b.output("y", b.embedding(b.input("i", GetParam(), {graph::kBatch, 5}), b.constant(table)));
    const graph::Graph graph = b.take();
    for (const std::int64_t batch : {1, 3, 8}) {
      Tensor indices(GetParam(), {batch, 5});
      std::vector<std::size_t> rows;
      for (std::int64_t i = 0; i < indices.elements(); ++i) {
        rows.push_back(dice.roll(7));
        indices.mutable_bytes()[static_cast<std::size_t>(i) * size_of(GetParam())] =
            static_cast<std::byte>(rows.back());
      }
      const Tensor y = tests::run_reference(graph, {indices}, batch)[0];
      const std::size_t row_bytes = 3 * size_of(dtype);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        ASSERT_EQ(std::memcmp(&y.bytes()[i * row_bytes], &table.bytes()[rows[i] * row_bytes], row_bytes), 0);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Indices, EmbeddingOps, testing::Values(DType::kI32, DType::kI64),
                         [](const auto& param) { return std::string(to_string(param.param)); });

}  // namespace
}  // namespace comfystream::backend::reference
