// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/media/gstreamer/bus_reader.hpp"
#include "comfystream/media/gstreamer/encoded_audio.hpp"
#include "comfystream/media/gstreamer/error_tap.hpp"
#include "comfystream/media/gstreamer/handles.hpp"
#include "comfystream/media/gstreamer/sample_queue.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include <gst/gst.h>

namespace comfystream::media::gstreamer {

/// What a decoding pipeline begins with: a URI, or (uri empty) GStreamer's description of a source, "videotestsrc".
struct VideoInput {
  std::string uri;
  std::string launch;
  std::string name;   ///< what messages call it
  bool live = false;  ///< it does not wait: frames that are not fetched in time are lost
};

/// Decodes the first moving picture of a medium into samples (I420, Y444 or RGB), and its first sound into packets that
/// are left as they are. Runs on GStreamer's threads from construction to destruction.
class DecodePipeline {
 public:
  /// Throws Error when an element is missing or the source cannot be built. Everything else is found out while it runs.
  DecodePipeline(const VideoInput& input, bool with_audio);
  ~DecodePipeline();
  DecodePipeline(const DecodePipeline&) = delete;
  DecodePipeline& operator=(const DecodePipeline&) = delete;
  DecodePipeline(DecodePipeline&&) = delete;
  DecodePipeline& operator=(DecodePipeline&&) = delete;

  [[nodiscard]] SampleQueue& samples() noexcept { return samples_; }
  [[nodiscard]] const SampleQueue& samples() const noexcept { return samples_; }
  [[nodiscard]] BusReader& bus() noexcept { return *bus_; }
  /// An error that may have been handled: it counts when nothing happens any more.
  [[nodiscard]] std::optional<Error> doubtful_error() const { return tap_->heard(); }
  /// All streams are known and none is a moving picture.
  [[nodiscard]] bool without_picture() const noexcept { return without_picture_; }
  [[nodiscard]] std::optional<Pts> duration() const;

  // Known once the first sample is there:
  [[nodiscard]] bool has_audio() const noexcept { return has_audio_; }
  /// The sound, where there is one and it was asked for.
  [[nodiscard]] const std::shared_ptr<EncodedAudio>& audio() const noexcept { return audio_; }
  [[nodiscard]] const std::string& video_codec() const noexcept { return video_codec_; }  ///< for a person

 private:
  void make_video_chain();
  [[nodiscard]] GstElement* add_decoder(const VideoInput& input);
  void connect(GstElement* decoder);
  [[nodiscard]] bool look_into(GstCaps* caps);
  void link(GstPad* pad);
  void link_audio(GstPad* pad, Handle<GstCaps> caps);
  void run_and_link(GstElement* element, GstPad* pad);

  bool with_audio_;
  SampleQueue samples_;
  std::shared_ptr<EncodedAudio> audio_;
  std::string video_codec_;
  bool has_audio_ = false;
  bool has_video_ = false;
  std::atomic<bool> without_picture_{false};
  std::optional<ErrorTap> tap_;
  Handle<GstElement> pipeline_;
  Handle<GstElement> video_chain_;  ///< from the decoder's pictures to samples_; joins the pipeline when there are some
  std::optional<BusReader> bus_;
};

}  // namespace comfystream::media::gstreamer
