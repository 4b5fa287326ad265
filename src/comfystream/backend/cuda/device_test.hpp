// SPDX-License-Identifier: Apache-2.0
// What tests that need a card share.
#pragma once

#include "comfystream/backend/cuda/cuda_backend.hpp"

#include <cmath>
#include <string>

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
                                                   CudaOptions options = {}) {
  options.tune = false;
  return make_cuda_backend(options)->compile(graph, {.max_batch = max_batch});
}

/// How large a rounding of `precision` is beside one of half precision, of which tolerances are told.
inline double roundings_of_half(DType precision) { return precision == DType::kBF16 ? 8.0 : 1.0; }

/// The same as a loss of PSNR, in dB.
inline double decibels_of_half(DType precision) { return 20.0 * std::log10(roundings_of_half(precision)); }

inline std::string precision_name(const testing::TestParamInfo<DType>& info) {
  return std::string(to_string(info.param));
}

}  // namespace comfystream::backend::cuda
