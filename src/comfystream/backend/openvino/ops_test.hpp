// SPDX-License-Identifier: Apache-2.0
// Operations on OpenVINO against the reference backend: each case is a graph, run at a batch that may change (3, 1, 8)
// and at a static batch of one.
#pragma once

#include "tests/support/op_cases.hpp"

#include <gtest/gtest.h>

namespace comfystream::backend::openvino {

class OpenVinoOps : public testing::TestWithParam<tests::OpCase> {
 public:
  static std::string name_of(const testing::TestParamInfo<tests::OpCase>& info) {
    return tests::test_name_of(info.param);
  }
};

}  // namespace comfystream::backend::openvino
