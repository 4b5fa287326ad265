// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/client.hpp"
#include "comfystream/media/png_sink.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace comfystream::app {

/// Writes each debug tap's pictures into a folder of its own, called after the tap: FOLDER/preview_17/000000.png.
/// Thread-safe. After an error it writes no more.
class TapWriter {
 public:
  explicit TapWriter(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void write(const TapPicture& tap) noexcept;
  [[nodiscard]] std::optional<Error> failure() const;
  [[nodiscard]] std::uint64_t written() const;

 private:
  [[nodiscard]] media::PngFolderSink& sink_of(const TapPicture& tap);

  std::filesystem::path folder_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<media::PngFolderSink>, std::less<>> sinks_;  ///< by node
  std::optional<Error> failure_;
  std::uint64_t written_ = 0;
};

}  // namespace comfystream::app
