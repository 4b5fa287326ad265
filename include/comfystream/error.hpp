// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace comfystream {

enum class ErrorCode {
  kInvalidArgument,  ///< the caller broke a contract: shape, range, option
  kNotFound,         ///< a file, node, model or device is not there
  kUnsupported,      ///< valid, but not something this build or device can do
  kCorruptFile,      ///< a file's bytes contradict its own format
  kValidation,       ///< a workflow does not validate (ComfyUI's rules)
  kOutOfMemory,      ///< host or device memory
  kIo,               ///< reading or writing failed (disk full, broken pipe)
  kBackend,          ///< the backend's own library reported a failure
  kCancelled,        ///< stopped on request
  kInternal,         ///< a bug of ours
};

/// The error's name as it appears in reports: "invalid_argument", "not_found", ...
std::string_view to_string(ErrorCode code) noexcept;

/// The one exception family of the library. Thrown while loading and configuring only; frames carry failures as values.
/// `what()` is the message, followed by the hint in parentheses when there is one.
class Error : public std::runtime_error {
 public:
  /// `message` says what is wrong and where (file, node id, input); `hint` what to do about it.
  Error(ErrorCode code, std::string message, std::string hint = {});

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }

 private:
  ErrorCode code_;
  std::string message_;
  std::string hint_;
};

}  // namespace comfystream
