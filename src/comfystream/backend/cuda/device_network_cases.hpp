// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/op_cases.hpp"

#include <vector>

namespace comfystream::backend::cuda {

/// Operations at sizes that the libraries' and the fast kernels take, in the patterns that are fused.
[[nodiscard]] std::vector<tests::OpCase> network_cases();

}  // namespace comfystream::backend::cuda
