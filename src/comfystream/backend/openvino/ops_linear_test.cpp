// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/ops_test.hpp"
#include "tests/support/op_cases_linear.hpp"

namespace comfystream::backend::openvino {

INSTANTIATE_TEST_SUITE_P(Linear, OpenVinoOps, testing::ValuesIn(tests::linear_cases()), OpenVinoOps::name_of);
INSTANTIATE_TEST_SUITE_P(Attention, OpenVinoOps, testing::ValuesIn(tests::attention_cases()), OpenVinoOps::name_of);
INSTANTIATE_TEST_SUITE_P(Norms, OpenVinoOps, testing::ValuesIn(tests::norm_cases()), OpenVinoOps::name_of);

}  // namespace comfystream::backend::openvino
