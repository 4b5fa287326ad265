// SPDX-License-Identifier: Apache-2.0
// What tests that need a card share.
#pragma once

#include "comfystream/backend/cuda/cuda_backend.hpp"

#include <gtest/gtest.h>

namespace comfystream::backend::cuda {

/// Skips where there is no card.
class DeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto device = make_cuda_backend()->devices().front();
    if (!device.available.empty()) GTEST_SKIP() << "skipped: no device (" << device.available << ")";
  }
};

/// Compiles without measuring algorithms: tests are about results.
inline std::unique_ptr<Executable> compile_untuned(const graph::Graph& graph, std::int64_t max_batch,
                                                   bool split_static = true,
                                                   std::optional<std::uint8_t> fill = std::nullopt) {
  CudaOptions options;
  options.fill = fill;
  options.tune = false;
  options.split_static = split_static;
  return make_cuda_backend(options)->compile(graph, {.max_batch = max_batch});
}

}  // namespace comfystream::backend::cuda
