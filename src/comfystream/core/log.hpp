// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include <spdlog/logger.h>

namespace comfystream {

/// Where messages to a person go. Handed down by whoever owns the program; there is no global logger.
using Log = spdlog::logger;

/// A logger to standard error. `level` is one of trace, debug, info, warning, error, off; anything else throws Error.
std::shared_ptr<Log> make_stderr_log(const std::string& level);

/// A logger that drops everything: for tests and embedding.
std::shared_ptr<Log> make_null_log();

}  // namespace comfystream
