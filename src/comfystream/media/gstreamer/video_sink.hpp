// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/media/gstreamer/bus_reader.hpp"
#include "comfystream/media/gstreamer/encode_plan.hpp"
#include "comfystream/media/gstreamer/encoded_audio.hpp"
#include "comfystream/media/gstreamer/handles.hpp"
#include "comfystream/media/sink.hpp"
#include "comfystream/media/spec.hpp"
#include "comfystream/media/yuv.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gst/gst.h>
#include <gst/video/video.h>

namespace comfystream::media::gstreamer {

/// A video file. Encodes on GStreamer's threads; write() waits while a few pictures are not encoded yet. Times are kept
/// to the file's tick (EncodePlan); a picture shown at the same tick as the one before it is moved by one.
class VideoSink final : public FrameSink {
 public:
  /// Opens the file. Throws Error.
  VideoSink(const SinkSpec& spec, const SinkOptions& options);
  ~VideoSink() override;
  VideoSink(const VideoSink&) = delete;
  VideoSink& operator=(const VideoSink&) = delete;
  VideoSink(VideoSink&&) = delete;
  VideoSink& operator=(VideoSink&&) = delete;

  [[nodiscard]] std::optional<Error> write(const Picture& picture, Pts pts, std::uint64_t id) override;
  [[nodiscard]] std::optional<Error> finish() override;
  [[nodiscard]] std::vector<std::string> notes() const override { return plan_.notes; }

 private:
  void build();
  void watch_pictures();
  void watch_end(GstElement* mux, const char* pad);
  void open();
  [[nodiscard]] std::optional<Error> await_room();
  [[nodiscard]] std::optional<Error> failure();
  [[nodiscard]] Pts place(Pts pts);
  [[nodiscard]] Handle<GstBuffer> convert(const Picture& picture, Pts pts);
  void paint(const Picture& picture, std::uint8_t* memory);
  void push_waiting(Pts length);
  void feed_sound(Pts until);
  void bridge_silence(Pts until);
  void end_sound();
  [[nodiscard]] std::optional<Error> complete_file();
  [[nodiscard]] std::optional<Error> await_end();
  bool reserve_index();
  void shut_down() noexcept;

  std::string path_;
  int width_;
  int height_;
  Pts frame_length_{0};
  std::shared_ptr<EncodedAudio> sound_;
  EncodePlan plan_;
  Handle<GstElement> pipeline_;
  std::optional<BusReader> bus_;
  Handle<GstElement> pictures_;
  Handle<GstElement> sound_entry_;
  GstVideoInfo format_{};
  Handle<GstBufferPool> pool_;

  RgbToYuv to_yuv_{YuvCoding{}};
  std::vector<std::byte> rgb_;  ///< a picture of floats as bytes

  /// The last picture. It is pushed when the next one tells how long it is shown: the length of a file's last frame
  /// cannot be told in another way, and without one readers drop it.
  Handle<GstBuffer> waiting_;
  std::uint64_t pushed_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t sound_packets_ = 0;
  std::uint64_t moved_ = 0;
  Pts last_pts_{0};
  Pts last_length_{0};
  Pts sound_until_{0};
  bool sound_ended_ = false;
  bool finished_ = false;
  std::optional<Error> error_;

  std::mutex mutex_;
  std::condition_variable taken_changed_;
  std::uint64_t taken_ = 0;           ///< pictures that the encoder's side has taken
  std::atomic<int> streams_left_{0};  ///< of an mp4, that have not ended
};

}  // namespace comfystream::media::gstreamer
