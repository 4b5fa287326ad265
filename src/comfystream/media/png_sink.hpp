// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/media/sink.hpp"

#include <filesystem>
#include <fstream>

namespace comfystream::media {

/// The file beside a folder's pictures that keeps their times: a line `file,id,pts_ns` each, under a line of those
/// words.
inline constexpr const char* kPictureIndex = "index.csv";

/// A folder of 000000.png, 000001.png, ... in the order written, and kPictureIndex. Every frame is complete on disk
/// when write() returns, so a run that is cut short loses nothing.
class PngFolderSink final : public FrameSink {
 public:
  /// Makes the folder. Throws Error when it cannot, or when it holds numbered PNGs of an earlier run, which would mix.
  PngFolderSink(std::filesystem::path folder, const SinkOptions& options);
  [[nodiscard]] std::optional<Error> write(const Picture& picture, Pts pts, std::uint64_t id) override;
  [[nodiscard]] std::optional<Error> finish() override;

 private:
  std::filesystem::path folder_;
  int width_;
  int height_;
  std::uint64_t written_ = 0;
  std::ofstream index_;
  std::optional<Error> error_;
};

/// One picture in one .png file; a second picture is an error.
class PngFileSink final : public FrameSink {
 public:
  PngFileSink(std::filesystem::path path, const SinkOptions& options);
  [[nodiscard]] std::optional<Error> write(const Picture& picture, Pts pts, std::uint64_t id) override;
  [[nodiscard]] std::optional<Error> finish() override { return error_; }

 private:
  std::filesystem::path path_;
  int width_;
  int height_;
  bool written_ = false;
  std::optional<Error> error_;
};

}  // namespace comfystream::media
