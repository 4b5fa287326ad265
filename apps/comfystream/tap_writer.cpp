// SPDX-License-Identifier: Apache-2.0
#include "apps/comfystream/tap_writer.hpp"

#include <algorithm>
#include <exception>

namespace comfystream::app {
namespace {

/// A prefix may name folders, as in ComfyUI; here it is a part of one name.
std::string folder_name(const TapPicture& tap) {
  std::string name = std::string(tap.prefix) + "_" + std::string(tap.node);
  std::ranges::replace(name, '/', '_');
  return name;
}

}  // namespace

media::PngFolderSink& TapWriter::sink_of(const TapPicture& tap) {
  const auto found = sinks_.find(tap.node);
  if (found != sinks_.end()) return *found->second;
  media::SinkOptions options;
  options.width = tap.picture.width();
  options.height = tap.picture.height();
  auto sink = std::make_unique<media::PngFolderSink>(folder_ / folder_name(tap), options);
  return *sinks_.emplace(tap.node, std::move(sink)).first->second;
}

void TapWriter::write(const TapPicture& tap) noexcept {
  const std::lock_guard lock(mutex_);
  if (failure_) return;
  try {
    failure_ = sink_of(tap).write(tap.picture, tap.pts, tap.frame_id);
    if (!failure_) ++written_;
  } catch (const Error& error) {
    failure_ = error;
  } catch (const std::exception& error) {
    failure_ = Error(ErrorCode::kInternal, error.what());
  }
}

std::optional<Error> TapWriter::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::uint64_t TapWriter::written() const {
  const std::lock_guard lock(mutex_);
  return written_;
}

}  // namespace comfystream::app
