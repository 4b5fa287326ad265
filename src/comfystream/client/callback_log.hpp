// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/client.hpp"
#include "comfystream/core/log.hpp"

#include <memory>

namespace comfystream::client {

/// A log that hands its lines to `callback`, one call at a time; silent when there is none.
[[nodiscard]] std::shared_ptr<Log> make_callback_log(std::function<void(LogLevel, std::string_view)> callback);

}  // namespace comfystream::client
