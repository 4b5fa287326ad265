// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/error.hpp"

namespace comfystream::app {

/// What the program returns; `comfystream --help` lists them.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,        ///< something failed while running: a frame, the input, the output
  kUnusable = 2,      ///< the command line, the workflow or a file given cannot be used
  kUnavailable = 3,   ///< a backend, device or component is not there, or a model or node does not run here
  kInterrupted = 130  ///< stopped by Ctrl-C or SIGTERM; the output holds everything up to there
};

[[nodiscard]] constexpr ExitCode exit_code_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kCorruptFile:
    case ErrorCode::kValidation:
      return kUnusable;
    case ErrorCode::kUnsupported:
      return kUnavailable;
    case ErrorCode::kCancelled:
      return kInterrupted;
    case ErrorCode::kOutOfMemory:
    case ErrorCode::kIo:
    case ErrorCode::kBackend:
    case ErrorCode::kInternal:
      break;
  }
  return kFailed;
}

inline constexpr const char* kExitCodeHelp =
    "Exit codes: 0 done; 1 something failed while running; 2 the command line, the workflow or a file cannot be used;\n"
    "3 a backend, device or component is missing, or a model or node is of a kind that does not run here;\n"
    "130 stopped by Ctrl-C or SIGTERM, the output complete up to there.";

}  // namespace comfystream::app
