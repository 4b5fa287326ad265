// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/ops_test.hpp"
#include "tests/support/op_cases_elementwise.hpp"

namespace comfystream::backend::openvino {

INSTANTIATE_TEST_SUITE_P(Elementwise, OpenVinoOps, testing::ValuesIn(tests::elementwise_cases()), OpenVinoOps::name_of);
INSTANTIATE_TEST_SUITE_P(Casts, OpenVinoOps, testing::ValuesIn(tests::cast_cases()), OpenVinoOps::name_of);

}  // namespace comfystream::backend::openvino
