// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/client.hpp"
#include "comfystream/stream/stream_options.hpp"

namespace comfystream::client {

/// The façade's settings as the pipeline takes them.
[[nodiscard]] stream::StreamOptions stream_options(const StreamSettings& settings);

}  // namespace comfystream::client
