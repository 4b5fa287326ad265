// SPDX-License-Identifier: Apache-2.0
// What follows a kernel that faults: batches fail with an error instead of hanging or ending the program. A program of
// its own, because a fault takes the process's use of the card with it.
#include "comfystream/backend/cuda/device_test.hpp"
#include "comfystream/backend/cuda/jit.hpp"
#include "comfystream/error.hpp"
#include "comfystream/graph/builder.hpp"

#include <gmock/gmock.h>

namespace comfystream::backend::cuda {
namespace {

constexpr const char* kTrap = R"(extern "C" __global__ void fault() { asm("trap;"); })";

TEST_F(DeviceTest, AFaultFailsTheBatchesThatFollowAndNothingElse) {
  graph::Builder builder;
  builder.output("y", builder.mul(builder.input("x", DType::kF32, graph::SymShape{graph::kBatch, 2}), 2.0F));
  const auto executable = compile_untuned(builder.take(), 2);
  const auto first = executable->make_slot();
  const auto second = executable->make_slot();
  executable->enqueue(*first, 2);
  executable->wait(*first);

  const auto code = compile_source(kTrap, "sm_90a");
  cudaLibrary_t library = nullptr;
  ASSERT_EQ(cudaLibraryLoadData(&library, code.data(), nullptr, nullptr, 0, nullptr, nullptr, 0), cudaSuccess);
  cudaKernel_t kernel = nullptr;
  ASSERT_EQ(cudaLibraryGetKernel(&kernel, library, "fault"), cudaSuccess);
  ASSERT_EQ(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), dim3(1), dim3(1), nullptr, 0, nullptr),
            cudaSuccess);
  EXPECT_NE(cudaDeviceSynchronize(), cudaSuccess);

  for (int i = 0; i < 2; ++i) {
    try {
      executable->enqueue(*second, 1);
      executable->wait(*second);
      FAIL() << "a batch ran on a card that is lost";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBackend);
      EXPECT_THAT(error.hint(), testing::HasSubstr("start it anew"));
    }
  }
}

}  // namespace
}  // namespace comfystream::backend::cuda
