// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/error.hpp"

#include <gtest/gtest.h>

namespace comfystream::tests {

/// The Error that `call` throws; a failure of the test when it throws none.
template <typename Call>
Error thrown_by(Call&& call) {
  try {
    (void)call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {ErrorCode::kInternal, "nothing was thrown"};
}

}  // namespace comfystream::tests
