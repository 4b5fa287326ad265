// SPDX-License-Identifier: Apache-2.0
#include "comfystream/client/callback_log.hpp"

#include <mutex>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

namespace comfystream::client {
namespace {

LogLevel level_of(spdlog::level::level_enum level) {
  if (level <= spdlog::level::debug) return LogLevel::kDebug;
  if (level == spdlog::level::info) return LogLevel::kInfo;
  return level == spdlog::level::warn ? LogLevel::kWarning : LogLevel::kError;
}

class CallbackSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit CallbackSink(std::function<void(LogLevel, std::string_view)> callback) : callback_(std::move(callback)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    callback_(level_of(message.level), {message.payload.data(), message.payload.size()});
  }
  void flush_() override {}

  std::function<void(LogLevel, std::string_view)> callback_;
};

}  // namespace

std::shared_ptr<Log> make_callback_log(std::function<void(LogLevel, std::string_view)> callback) {
  if (!callback) return make_null_log();
  auto log = std::make_shared<Log>("comfystream", std::make_shared<CallbackSink>(std::move(callback)));
  log->set_level(spdlog::level::debug);
  return log;
}

}  // namespace comfystream::client
