// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "comfystream/media/fit.hpp"
#include "comfystream/media/gstreamer/discover.hpp"
#include "comfystream/media/gstreamer/encoded_audio.hpp"
#include "comfystream/media/gstreamer/handles.hpp"
#include "comfystream/media/gstreamer/sample_queue.hpp"
#include "comfystream/media/picture_pool.hpp"
#include "comfystream/media/source.hpp"

namespace comfystream::media::gstreamer {

/// Frames of a video file, camera or URI. Files wait for the reader; live media (cameras, rtsp and the like) lose their
/// oldest frames when it is late, counted. Times are running times: 0 is the start of the medium, of live media their
/// first frame. Rotation tags are applied.
class VideoSource final : public FrameSource {
 public:
  /// Opens `uri` and waits for its first frame. `name` is what messages call it. Throws Error.
  VideoSource(const std::string& uri, std::string name, const SourceOptions& options);
  ~VideoSource() override;
  VideoSource(const VideoSource&) = delete;
  VideoSource& operator=(const VideoSource&) = delete;
  VideoSource(VideoSource&&) = delete;
  VideoSource& operator=(VideoSource&&) = delete;

  [[nodiscard]] const SourceInfo& info() const noexcept override { return info_; }
  [[nodiscard]] ReadStatus read(Frame& frame) override;
  [[nodiscard]] std::uint64_t dropped() const noexcept override { return samples_.dropped(); }
  [[nodiscard]] std::shared_ptr<AudioTrack> audio() const override { return wants_audio_ ? audio_ : nullptr; }

 private:
  void build(const std::string& uri);
  void await_first();
  void fill_info(const SourceOptions& options);
  void link_pad(GstPad* pad);
  void link_audio(GstPad* pad, Handle<GstCaps> caps);
  void discard(GstPad* pad);
  [[nodiscard]] Handle<GstSample> next_sample(ReadStatus& status);
  void deliver(GstSample* sample, Frame& frame);
  [[nodiscard]] Pts time_of(GstSample* sample);
  ReadStatus end_of_stream();
  void shut_down() noexcept;

  std::string name_;
  bool live_;
  bool wants_audio_;
  std::uint32_t stream_id_;
  MediaFacts facts_;
  SampleQueue samples_;
  std::shared_ptr<EncodedAudio> audio_;
  std::atomic<bool> no_picture_{false};
  bool video_linked_ = false;
  Handle<GstElement> pipeline_;
  Handle<GstBus> bus_;
  GstElement* video_entry_ = nullptr;  ///< the first element after the decoder; the pipeline's

  Handle<GstSample> first_;
  SourceInfo info_;
  std::optional<Fitter> fitter_;
  std::shared_ptr<PicturePool> pool_;
  std::uint64_t next_id_ = 0;
  Pts last_pts_{0};
  Pts frame_length_{0};
  Pts origin_{0};
  std::optional<ReadStatus> final_;
};

}  // namespace comfystream::media::gstreamer
