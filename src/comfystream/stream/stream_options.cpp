// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/stream_options.hpp"

#include "comfystream/error.hpp"

#include <string>

namespace comfystream::stream {

std::string_view to_string(QueuePolicy policy) noexcept {
  switch (policy) {
    case QueuePolicy::kDropOldest:
      return "drop_oldest";
    case QueuePolicy::kDropNewest:
      return "drop_newest";
    case QueuePolicy::kBlock:
      return "block";
  }
  return "unknown";
}

QueuePolicy parse_queue_policy(std::string_view name) {
  for (const QueuePolicy policy : {QueuePolicy::kDropOldest, QueuePolicy::kDropNewest, QueuePolicy::kBlock}) {
    if (name == to_string(policy)) return policy;
  }
  throw Error(ErrorCode::kInvalidArgument, "unknown queue policy '" + std::string(name) + "'",
              "use drop_oldest, drop_newest or block");
}

StreamCounters& StreamCounters::operator+=(const StreamCounters& other) noexcept {
  entered += other.entered;
  done += other.done;
  passthrough += other.passthrough;
  dropped += other.dropped;
  failed += other.failed;
  flushed += other.flushed;
  refused += other.refused;
  return *this;
}

}  // namespace comfystream::stream
