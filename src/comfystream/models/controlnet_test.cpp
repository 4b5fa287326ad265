// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/controlnet.hpp"

#include "comfystream/error.hpp"
#include "tests/support/network_golden.hpp"

#include <ostream>

#include <gtest/gtest.h>

namespace comfystream::models {
namespace {

constexpr double kTolerance = 1e-4;

struct ControlNetCase {
  const char* name;
  std::int64_t batch;
  std::vector<std::int64_t> depth;
  std::int64_t middle_depth;
};

std::ostream& operator<<(std::ostream& stream, const ControlNetCase& net) { return stream << net.name; }

/// The skips' residuals and then the middle's. One row in the golden is a value that no frame changes.
std::vector<Tensor> run(const ControlNet& net, const weights::WeightMap& given, std::int64_t batch,
                        const std::string& zeroed = {}) {
  graph::Builder builder;
  std::vector<Tensor> inputs;
  const auto feed = [&](const std::string& name) {
    const Tensor value = name == zeroed ? Tensor(DType::kF32, given.at(name).shape()) : given.at(name);
    graph::SymShape shape(value.shape());
    if (shape[0] == graph::Dim{1}) return builder.constant(value, name);
    shape.dims()[0] = graph::kBatch;
    inputs.push_back(value);
    return builder.input(name, DType::kF32, shape);
  };
  const auto x = feed("x");
  const auto hint = feed("hint");
  const auto timesteps = feed("timesteps");
  const auto control = net.trace(builder, x, hint, timesteps, feed("context"));
  for (std::size_t i = 0; i < control.skips.size(); ++i) builder.output("skip_" + std::to_string(i), control.skips[i]);
  builder.output("middle", *control.middle);
  return tests::run_reference(builder.take(), inputs, batch);
}

std::string output_name(std::size_t index, std::size_t count) {
  return index + 1 == count ? "middle" : "skip_" + std::to_string(index);
}

class ControlNetParity : public ::testing::TestWithParam<ControlNetCase> {};

TEST_P(ControlNetParity, AgreesWithDiffusers) {
  const ControlNetCase& expected = GetParam();
  const auto golden = tests::load_network_golden(expected.name);
  const ControlNet net(golden.model);
  EXPECT_EQ(net.config().transformer_depth, expected.depth);
  EXPECT_EQ(net.config().middle_depth, expected.middle_depth);
  const auto residuals = run(net, golden.arrays, expected.batch);
  ASSERT_EQ(residuals.size(), 5U);
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    const std::string name = output_name(i, residuals.size());
    EXPECT_LT(tests::relative_error(residuals[i], golden.arrays.at(name)), kTolerance) << name;
  }
}

TEST_P(ControlNetParity, EveryOperandCounts) {
  const auto golden = tests::load_network_golden(GetParam().name);
  const ControlNet net(golden.model);
  for (const char* name : {"x", "hint", "timesteps", "context"}) {
    const Tensor middle = run(net, golden.arrays, GetParam().batch, name).back();
    EXPECT_GT(tests::relative_error(middle, golden.arrays.at("middle")), 0.02) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, ControlNetParity,
                         ::testing::Values(ControlNetCase{"controlnet_ldm", 2, {1, 0}, 1},
                                           ControlNetCase{"controlnet_diffusers", 3, {0, 2}, 2}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(ControlNet, APictureOfAnotherSizeIsRefused) {
  const ControlNet net(tests::load_network_golden("controlnet_ldm").model);
  graph::Builder builder;
  const auto zeros = [&](const Shape& shape) { return builder.constant(Tensor(DType::kF32, shape)); };
  const auto x = zeros({1, 4, 6, 4});
  const auto context = zeros({1, 77, 48});
  EXPECT_NO_THROW(net.trace(builder, x, zeros({1, 3, 48, 32}), zeros({1}), context));
  EXPECT_THROW(net.trace(builder, x, zeros({1, 3, 48, 48}), zeros({1}), context), Error);
}

}  // namespace
}  // namespace comfystream::models
