// SPDX-License-Identifier: Apache-2.0
#include "comfystream/core/log.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <array>

#include <spdlog/logger.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace comfystream {

std::shared_ptr<Log> make_stderr_log(const std::string& level) {
  constexpr std::array<std::string_view, 6> kLevels{"trace", "debug", "info", "warning", "error", "off"};
  if (std::ranges::find(kLevels, level) == kLevels.end()) {
    throw Error(ErrorCode::kInvalidArgument, "unknown log level '" + level + "'",
                "use trace, debug, info, warning, error or off");
  }
  auto log = std::make_shared<Log>("comfystream", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  log->set_pattern("[%H:%M:%S.%e] %^%l%$: %v");
  log->set_level(spdlog::level::from_str(level));
  return log;
}

std::shared_ptr<Log> make_null_log() {
  return std::make_shared<Log>("null", std::make_shared<spdlog::sinks::null_sink_mt>());
}

void log_debug(Log& log, std::string_view line) { log.debug("{}", line); }
void log_info(Log& log, std::string_view line) { log.info("{}", line); }
void log_warning(Log& log, std::string_view line) { log.warn("{}", line); }
void log_error(Log& log, std::string_view line) { log.error("{}", line); }

}  // namespace comfystream
