// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/null_sink.hpp"

namespace comfystream::media {

std::optional<Error> NullSink::write(const Picture& picture, Pts /*pts*/, std::uint64_t /*id*/) {
  return check_size(picture, width_, height_);
}

}  // namespace comfystream::media
