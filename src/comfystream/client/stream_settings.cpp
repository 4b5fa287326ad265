// SPDX-License-Identifier: Apache-2.0
#include "comfystream/client/stream_settings.hpp"

namespace comfystream::client {
namespace {

using stream::MaxDelay;
using stream::QueuePolicy;

constexpr auto kDefaultDelay = std::chrono::milliseconds(50);

QueuePolicy policy_of(StreamSettings::WhenFull when_full) {
  switch (when_full) {
    case StreamSettings::WhenFull::kDropOldest:
      return QueuePolicy::kDropOldest;
    case StreamSettings::WhenFull::kDropNewest:
      return QueuePolicy::kDropNewest;
    case StreamSettings::WhenFull::kBlock:
      break;
  }
  return QueuePolicy::kBlock;
}

MaxDelay delay_of(const StreamSettings& settings) {
  if (settings.half_interval) return MaxDelay::half_interval();
  if (settings.max_delay) return MaxDelay::fixed(*settings.max_delay);
  return settings.when_full == StreamSettings::WhenFull::kBlock ? MaxDelay::until_full()
                                                                : MaxDelay::fixed(kDefaultDelay);
}

}  // namespace

stream::StreamOptions stream_options(const StreamSettings& settings) {
  return {.policy = policy_of(settings.when_full),
          .max_delay = delay_of(settings),
          .input_capacity = settings.capacity,
          .output_capacity = settings.capacity,
          .on_change = settings.on_change};
}

}  // namespace comfystream::client
