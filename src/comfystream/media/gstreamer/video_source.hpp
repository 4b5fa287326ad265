// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/media/fit.hpp"
#include "comfystream/media/gstreamer/decode_pipeline.hpp"
#include "comfystream/media/picture_pool.hpp"
#include "comfystream/media/source.hpp"
#include "comfystream/media/yuv.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gst/video/video.h>

namespace comfystream::media::gstreamer {

/// Frames of a video file, camera or URI. Files wait for the reader; live media (cameras, rtsp and the like) lose their
/// oldest frames when it is late, counted. Times count from where the medium begins (with sound or
/// picture, whichever comes first), of live media from their first frame. Rotation tags are applied, and pixels that
/// are not square made so.
class VideoSource final : public FrameSource {
 public:
  /// Opens the input and waits for its first frame, at most until options.stop. Throws Error.
  VideoSource(VideoInput input, const SourceOptions& options);

  [[nodiscard]] const SourceInfo& info() const noexcept override { return info_; }
  [[nodiscard]] ReadStatus read(Frame& frame) override;
  [[nodiscard]] std::uint64_t dropped() const noexcept override { return pipeline_.samples().dropped(); }
  [[nodiscard]] std::shared_ptr<AudioTrack> audio() const override { return pipeline_.audio(); }

 private:
  void fill_info(const SourceOptions& options);
  void describe();
  [[nodiscard]] Handle<GstSample> next_sample(ReadStatus& status);
  [[nodiscard]] std::optional<ReadStatus> why_none();
  [[nodiscard]] ReadStatus end_of_stream();
  void await_sound();
  [[nodiscard]] bool deliver(GstSample* sample, Frame& frame);
  [[nodiscard]] Pts time_of(GstSample* sample);
  [[nodiscard]] bool know_format(GstSample* sample);
  void paint(const GstVideoFrame& from, Picture& to);
  [[nodiscard]] double pixel_aspect() const noexcept;

  VideoInput input_;
  std::uint32_t stream_id_;
  DecodePipeline pipeline_;
  Handle<GstSample> first_;
  Handle<GstCaps> caps_;  ///< of the last sample
  GstVideoInfo format_{};
  SourceInfo info_;
  std::optional<YuvToRgb> to_rgb_;  ///< for format_, where that is not RGB
  std::vector<std::uint8_t> rgb_;   ///< a frame at its own size, where that is not the wanted one
  std::optional<Fitter> fitter_;
  std::shared_ptr<PicturePool> pool_;
  std::uint64_t next_id_ = 0;
  Pts origin_{0};
  Pts last_pts_{0};
  Pts frame_length_{0};  ///< 0 where no rate is known
  std::optional<ReadStatus> final_;
};

}  // namespace comfystream::media::gstreamer
