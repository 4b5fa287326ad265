// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/media/picture_pool.hpp"
#include "comfystream/media/source.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace comfystream::media {

/// What `testpattern:` is followed by.
struct TestPattern {
  int width = 512;
  int height = 512;
  FrameRate rate{30, 1};
  std::uint64_t frames = 0;  ///< 0: without end
};

/// Parses `WxH@FPSxFRAMES`, each part optional from the right: "", "640x360", "640x360@25", "640x360@25x100". FPS may
/// be a fraction, "30000/1001". Throws Error.
[[nodiscard]] TestPattern parse_test_pattern(const std::string& text);

/// A gradient that moves, a square that crosses it, and the frame's number (frame_marks.hpp): the same bytes for the
/// same index on every machine. Not live: frames come as fast as they are read.
class TestPatternSource final : public FrameSource {
 public:
  /// Throws Error for sizes that the options or the pattern cannot have.
  TestPatternSource(const TestPattern& pattern, const SourceOptions& options);
  [[nodiscard]] const SourceInfo& info() const noexcept override { return info_; }
  [[nodiscard]] ReadStatus read(Frame& frame) override;

 private:
  void draw(Picture& picture, std::uint64_t index) const;

  TestPattern pattern_;
  SourceInfo info_;
  Fitter fitter_;
  std::uint32_t stream_id_;
  std::uint64_t next_ = 0;
  std::vector<std::byte> backdrop_;  ///< one row that is twice as wide as the picture and repeats itself
  std::shared_ptr<PicturePool> pool_;
  Picture own_size_;  ///< drawn here first where the frames have another size
};

}  // namespace comfystream::media
