// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/media/sink.hpp"

namespace comfystream::media {

/// Takes frames and keeps nothing: for measuring.
class NullSink final : public FrameSink {
 public:
  explicit NullSink(const SinkOptions& options) : width_(options.width), height_(options.height) {}
  [[nodiscard]] std::optional<Error> write(const Picture& picture, Pts pts, std::uint64_t id) override;
  [[nodiscard]] std::optional<Error> finish() override { return std::nullopt; }

 private:
  int width_;
  int height_;
};

}  // namespace comfystream::media
