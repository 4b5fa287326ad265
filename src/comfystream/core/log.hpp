// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

// Forward only: <spdlog/logger.h> takes longer to compile than most sources here.
namespace spdlog {
class logger;
}

namespace comfystream {

/// Where messages to a person go. Handed down by whoever owns the program; there is no global logger.
using Log = spdlog::logger;

/// A logger to standard error. `level` is one of trace, debug, info, warning, error, off; anything else throws Error.
std::shared_ptr<Log> make_stderr_log(const std::string& level);

/// A logger that drops everything: for tests and embedding.
std::shared_ptr<Log> make_null_log();

/// Lines for the log, as they are. Any thread.
void log_debug(Log& log, std::string_view line);
void log_info(Log& log, std::string_view line);
void log_warning(Log& log, std::string_view line);
void log_error(Log& log, std::string_view line);

}  // namespace comfystream
