// SPDX-License-Identifier: Apache-2.0
// Operations on a card against the reference backend. Where a graph holds convolutions, products, attention or norms
// the card stores values in 16 bits: a few roundings of these are allowed. Everything else must meet the case's own
// tolerance for single precision.
#include "comfystream/backend/cuda/device_network_cases.hpp"
#include "comfystream/backend/cuda/device_test.hpp"
#include "comfystream/backend/cuda/storage_types.hpp"
#include "comfystream/backend/reference/reference_backend.hpp"
#include "tests/support/op_cases_elementwise.hpp"
#include "tests/support/op_cases_linear.hpp"
#include "tests/support/op_cases_shape.hpp"
#include "tests/support/op_cases_table.hpp"

#include <cstring>
#include <tuple>

namespace comfystream::backend::cuda {
namespace {

using graph::Builder;
using tests::OpCase;

constexpr double kHalfTolerance = 4e-3;  // of f16

void expect_same(const Tensor& actual, const Tensor& expected, double tolerance) {
  ASSERT_EQ(actual.shape(), expected.shape());
  ASSERT_EQ(actual.dtype(), expected.dtype());
  if (is_floating(expected.dtype())) {
    EXPECT_LE(tests::relative_error(actual.to_f32().values<float>(), expected.to_f32().values<float>()), tolerance);
  } else {
    EXPECT_EQ(std::memcmp(actual.bytes().data(), expected.bytes().data(), expected.size_bytes()), 0);
  }
}

double tolerance_for(const graph::Graph& graph, double single, DType precision) {
  const bool network = std::ranges::any_of(graph.nodes(), [](const graph::Node& node) {
    return is_network_op(node.kind) || node.kind == graph::OpKind::kLoop;
  });
  return network ? std::max(single, kHalfTolerance * roundings_of_half(precision)) : std::max(single, 2e-6);
}

class DeviceOps : public testing::TestWithParam<std::tuple<OpCase, DType>> {
 public:
  static std::string name_of(const testing::TestParamInfo<std::tuple<OpCase, DType>>& info) {
    const auto& [op, precision] = info.param;
    return tests::test_name_of(op) + "_" + std::string(to_string(precision));
  }

 protected:
  void SetUp() override {
    const auto device = make_cuda_backend()->devices().front();
    if (!device.available.empty()) GTEST_SKIP() << "skipped: no device (" << device.available << ")";
  }
};

TEST_P(DeviceOps, MatchTheReference) {
  const auto& [op, precision] = GetParam();
  Builder builder;
  op.build(builder);
  const graph::Graph graph = builder.take();
  const double tolerance = tolerance_for(graph, op.tolerance, precision);
  const auto executable = compile_untuned(graph, 8, {.precision = precision});
  const auto reference = make_reference_backend()->compile(graph, {.max_batch = 8});
  for (const std::int64_t batch : {3, 1, 8}) {
    SCOPED_TRACE("batch " + std::to_string(batch));
    const auto inputs = tests::random_inputs(graph, batch);
    const auto actual = run_once(*executable, graph, inputs, batch);
    const auto expected = run_once(*reference, graph, inputs, batch);
    for (std::size_t index = 0; index < expected.size(); ++index) {
      SCOPED_TRACE(graph.outputs()[index].name);
      expect_same(actual[index], expected[index], tolerance);
    }
  }
}

// Memory that nobody wrote would show: as zeros or as NaN. (compute-sanitizer's initcheck does not see what libraries
// write by bulk copies, and reports every reader of theirs.)
TEST_P(DeviceOps, ReadNothingThatWasNotWritten) {
  const auto& [op, precision] = GetParam();
  Builder builder;
  op.build(builder);
  const graph::Graph graph = builder.take();
  const auto on_zeros = compile_untuned(graph, 8, {.precision = precision, .fill = std::uint8_t{0}});
  const auto on_nans = compile_untuned(graph, 8, {.precision = precision, .fill = std::uint8_t{0xFF}});
  for (const std::int64_t batch : {3, 8}) {
    SCOPED_TRACE("batch " + std::to_string(batch));
    const auto inputs = tests::random_inputs(graph, batch);
    const auto expected = run_once(*on_zeros, graph, inputs, batch);
    const auto actual = run_once(*on_nans, graph, inputs, batch);
    for (std::size_t index = 0; index < expected.size(); ++index) {
      SCOPED_TRACE(graph.outputs()[index].name);
      ASSERT_EQ(actual[index].size_bytes(), expected[index].size_bytes());
      EXPECT_EQ(std::memcmp(actual[index].bytes().data(), expected[index].bytes().data(), expected[index].size_bytes()),
                0);
    }
  }
}

auto in_both(const std::vector<OpCase>& cases) {
  return testing::Combine(testing::ValuesIn(cases), testing::Values(DType::kF16, DType::kBF16));
}

INSTANTIATE_TEST_SUITE_P(Linear, DeviceOps, in_both(tests::linear_cases()), DeviceOps::name_of);
INSTANTIATE_TEST_SUITE_P(Attention, DeviceOps, in_both(tests::attention_cases()), DeviceOps::name_of);
INSTANTIATE_TEST_SUITE_P(Norms, DeviceOps, in_both(tests::norm_cases()), DeviceOps::name_of);
INSTANTIATE_TEST_SUITE_P(Shapes, DeviceOps, in_both(tests::shape_cases()), DeviceOps::name_of);
INSTANTIATE_TEST_SUITE_P(Resize, DeviceOps, in_both(tests::resize_cases()), DeviceOps::name_of);
INSTANTIATE_TEST_SUITE_P(Elementwise, DeviceOps, in_both(tests::elementwise_cases()), DeviceOps::name_of);
INSTANTIATE_TEST_SUITE_P(Casts, DeviceOps, in_both(tests::cast_cases()), DeviceOps::name_of);
INSTANTIATE_TEST_SUITE_P(Tables, DeviceOps, in_both(tests::table_cases()), DeviceOps::name_of);
INSTANTIATE_TEST_SUITE_P(Networks, DeviceOps, in_both(network_cases()), DeviceOps::name_of);

}  // namespace
}  // namespace comfystream::backend::cuda
