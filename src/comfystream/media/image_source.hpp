// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/media/picture_pool.hpp"
#include "comfystream/media/source.hpp"
#include "comfystream/media/still_image.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace comfystream::media {

/// The still images in a folder, or those that `pattern` (*, ? and [...] in its last part) matches, in natural order
/// ("2.png" before "10.png"). Throws Error when there is none.
[[nodiscard]] std::vector<std::filesystem::path> images_in_folder(const std::filesystem::path& folder);
[[nodiscard]] std::vector<std::filesystem::path> images_matching(const std::string& pattern);

/// Still images as a stream: one frame each, at the times that a folder's index (png_sink.hpp) gives, otherwise at
/// options.still_rate. Alpha is dropped. An image that cannot be read ends the stream with an error that names it.
class ImageSource final : public FrameSource {
 public:
  /// `files` must not be empty; the first one is read here, so that a bad one is known before anything else is set up.
  ImageSource(std::vector<std::filesystem::path> files, const SourceOptions& options);
  [[nodiscard]] const SourceInfo& info() const noexcept override { return info_; }
  [[nodiscard]] ReadStatus read(Frame& frame) override;

 private:
  void read_index();
  [[nodiscard]] Pts pts_of_file(std::uint64_t index) const;

  std::vector<std::filesystem::path> files_;
  StillImage first_;
  Fitter fitter_;
  FrameRate rate_;
  std::uint32_t stream_id_;
  SourceInfo info_;
  std::vector<Pts> times_;  ///< from the index; empty without one
  std::uint64_t next_ = 0;
  std::shared_ptr<PicturePool> pool_;
};

}  // namespace comfystream::media
