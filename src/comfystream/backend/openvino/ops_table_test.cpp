// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/ops_test.hpp"
#include "tests/support/op_cases_table.hpp"

namespace comfystream::backend::openvino {

INSTANTIATE_TEST_SUITE_P(Tables, OpenVinoOps, testing::ValuesIn(tests::table_cases()), OpenVinoOps::name_of);

}  // namespace comfystream::backend::openvino
