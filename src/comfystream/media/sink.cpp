// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/sink.hpp"

namespace comfystream::media {

std::optional<Error> FrameSink::check_size(const Picture& picture, int width, int height) {
  if (picture.width() == width && picture.height() == height) return std::nullopt;
  const auto size = [](int w, int h) { return std::to_string(w) + "x" + std::to_string(h); };
  return Error(ErrorCode::kInvalidArgument, "a picture of " + size(picture.width(), picture.height()) +
                                                " pixels for an output of " + size(width, height));
}

}  // namespace comfystream::media
