// SPDX-License-Identifier: Apache-2.0
// Our fused attention against plain loops on the same stored values, every way it has.
#include "comfystream/backend/cuda/hopper_attention.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/device_memory.hpp"
#include "comfystream/backend/cuda/device_test.hpp"
#include "comfystream/backend/cuda/kernels.hpp"
#include "tests/support/op_cases.hpp"

namespace comfystream::backend::cuda {
namespace {

struct Size {
  std::int64_t batch, heads, queries, keys, size;
  float loud = 1.0F;  ///< of the queries; 400: scores rise by more than exponentials in single precision can
};

// q, k and v as parts of one row of a product where there are as many keys as queries, else each its own.
AttentionProblem describe(const Size& s, DType type) {
  const bool joined = s.queries == s.keys;
  const std::int64_t width = s.heads * s.size;
  const std::int64_t row = joined ? 3 * width : width;
  AttentionProblem p;
  p.type = type;
  p.q = {s.batch, s.heads, s.queries, s.size};
  p.k = p.v = {s.batch, s.heads, s.keys, s.size};
  p.q_strides = {s.queries * row, s.size, row, 1};
  p.k_strides = p.v_strides = {s.keys * row, s.size, row, 1};
  p.y_strides = {s.queries * width, s.size, width, 1};
  p.scale = 1.0F / std::sqrt(static_cast<float>(s.size));
  return p;
}

Strided as_strided(void* data, DType dtype, const Dims& dims, const Dims& strides) {
  Strided result{data, dtype};
  for (std::size_t i = 0; i < 4; ++i) {
    result.dims[i] = dims[i];
    result.strides[i] = strides[i];
  }
  return result;
}

DeviceBuffer upload(const Tensor& tensor) {
  DeviceBuffer buffer(tensor.size_bytes(), "test");
  check(cudaMemcpy(buffer.data(), tensor.bytes().data(), tensor.size_bytes(), cudaMemcpyHostToDevice), "test");
  return buffer;
}

class HopperAttention : public testing::TestWithParam<std::tuple<Size, DType>> {
 protected:
  void SetUp() override {
    const auto device = make_cuda_backend()->devices().front();
    if (!device.available.empty()) GTEST_SKIP() << "skipped: no device (" << device.available << ")";
  }
};

TEST_P(HopperAttention, AgreesWithPlainLoops) {
  const auto& [s, type] = GetParam();
  const AttentionProblem p = describe(s, type);
  const int ways = hopper_attention_ways(p);
  if (ways == 0) GTEST_SKIP() << "skipped: not a Hopper device";
  const std::int64_t width = s.heads * s.size;
  const bool joined = s.queries == s.keys;
  const Tensor q = tests::random_tensor({s.batch * s.queries * width * (joined ? 3 : 1)}, 1, s.loud);
  const DeviceBuffer q_data = upload(q.cast(type));
  const DeviceBuffer k_data = upload(tests::random_tensor({s.batch * s.keys * width}, 2).cast(type));
  const DeviceBuffer v_data = upload(tests::random_tensor({s.batch * s.keys * width}, 3).cast(type));
  const std::int64_t part = width * 2;
  const AttentionPointers from{q_data.data(), joined ? q_data.data() + part : k_data.data(),
                               joined ? q_data.data() + 2 * part : v_data.data(), nullptr, nullptr};
  Tensor expected(DType::kF32, {s.batch * s.queries * width});
  const DeviceBuffer plain(expected.size_bytes(), "test");
  launch_plain_attention(as_strided(const_cast<void*>(from.q), type, p.q, p.q_strides),
                         as_strided(const_cast<void*>(from.k), type, p.k, p.k_strides),
                         as_strided(const_cast<void*>(from.v), type, p.v, p.v_strides), {},
                         as_strided(plain.data(), DType::kF32, p.q, p.y_strides), p.scale, false, nullptr);
  check(cudaMemcpy(expected.mutable_bytes().data(), plain.data(), plain.size(), cudaMemcpyDeviceToHost), "test");
  for (int way = 0; way < ways; ++way) {
    SCOPED_TRACE("way " + std::to_string(way));
    Tensor actual(type, {s.batch * s.queries * width});
    const DeviceBuffer y(actual.size_bytes(), "test");
    check(cudaMemset(y.data(), 0xFF, y.size()), "test");  // NaN where nothing is written
    AttentionPointers pointers = from;
    pointers.y = y.data();
    launch_hopper_attention(p, way, pointers, nullptr);
    check(cudaMemcpy(actual.mutable_bytes().data(), y.data(), y.size(), cudaMemcpyDeviceToHost), "test");
    constexpr double kRoundings = 2.0 / 2048;  // one of every weight, one of the result
    EXPECT_LE(tests::relative_error(actual.to_f32().values<float>(), expected.values<float>()),
              kRoundings * roundings_of_half(type));
  }
}

std::string name_of(const testing::TestParamInfo<std::tuple<Size, DType>>& info) {
  const auto& [s, type] = info.param;
  return std::to_string(s.batch) + "_" + std::to_string(s.heads) + "x" + std::to_string(s.size) + "_" +
         std::to_string(s.queries) + "_" + std::to_string(s.keys) +
         (s.loud > 1.0F ? "_loud" + std::to_string(static_cast<int>(s.loud)) + "_" : "_") +
         std::string(to_string(type));
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, HopperAttention,
    testing::Combine(testing::Values(Size{2, 3, 1370, 1370, 64}, Size{16, 16, 200, 200, 64}, Size{1, 2, 65, 129, 64},
                                     Size{1, 1, 3, 1, 64}, Size{2, 8, 1024, 1024, 40}, Size{3, 8, 1024, 77, 40},
                                     Size{1, 2, 127, 128, 40}, Size{2, 8, 1000, 1000, 80}, Size{3, 8, 256, 77, 80},
                                     Size{1, 3, 640, 700, 64, 20.0F}, Size{1, 3, 640, 700, 40, 20.0F},
                                     Size{1, 3, 640, 700, 80, 20.0F}, Size{1, 3, 640, 700, 64, 400.0F},
                                     Size{1, 3, 640, 700, 40, 400.0F}, Size{1, 3, 640, 700, 80, 400.0F}),
                     testing::Values(DType::kF16, DType::kBF16)),
    name_of);

}  // namespace
}  // namespace comfystream::backend::cuda
