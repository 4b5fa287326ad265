// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/ops_test.hpp"
#include "tests/support/op_cases_shape.hpp"

namespace comfystream::backend::openvino {

INSTANTIATE_TEST_SUITE_P(Shapes, OpenVinoOps, testing::ValuesIn(tests::shape_cases()), OpenVinoOps::name_of);
INSTANTIATE_TEST_SUITE_P(Resize, OpenVinoOps, testing::ValuesIn(tests::resize_cases()), OpenVinoOps::name_of);

}  // namespace comfystream::backend::openvino
