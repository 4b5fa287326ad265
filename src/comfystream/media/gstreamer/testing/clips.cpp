// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/testing/clips.hpp"

#include "comfystream/media/frame_marks.hpp"
#include "comfystream/media/gstreamer/encoded_audio.hpp"
#include "comfystream/media/gstreamer/handles.hpp"
#include "comfystream/media/gstreamer/runtime.hpp"
#include "comfystream/media/open.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gst/gst.h>
#include <gtest/gtest.h>

namespace comfystream::media::testing {

using gstreamer::EncodedAudio;
using gstreamer::Handle;

Picture marked_picture(int width, int height, std::uint64_t number) {
  Picture picture(PixelFormat::kRgb8, width, height);
  auto* out = reinterpret_cast<std::uint8_t*>(picture.bytes().data());
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto shift = static_cast<int>(number * 3);
      *out++ = static_cast<std::uint8_t>(60 + 120 * std::abs((x + shift) % (2 * width) - width) / width);
      *out++ = static_cast<std::uint8_t>(60 + 120 * y / height);
      *out++ = static_cast<std::uint8_t>(200 - 100 * x / width);
    }
  }
  draw_frame_mark(picture, number);
  return picture;
}

std::vector<Pts> steady(std::size_t frames, FrameRate rate) {
  std::vector<Pts> times;
  for (std::size_t i = 0; i < frames; ++i) times.push_back(pts_of(i, rate));
  return times;
}

std::vector<Pts> unsteady(std::size_t frames) {
  std::vector<Pts> times;
  std::chrono::milliseconds at(0);
  for (std::size_t i = 0; i < frames; ++i) {
    times.emplace_back(at);
    at += std::chrono::milliseconds(33 + 34 * (i * i % 4));
  }
  return times;
}

std::vector<std::string> write_clip(const std::string& spec, int width, int height, const std::vector<Pts>& times,
                                    std::optional<FrameRate> rate) {
  SinkOptions options;
  options.width = width;
  options.height = height;
  options.rate = rate;
  const auto sink = open_sink(spec, options);
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto error = sink->write(marked_picture(width, height, i), times[i], i);
    EXPECT_FALSE(error) << spec << ", frame " << i << ": " << error->what();
    if (error) break;
  }
  const auto error = sink->finish();
  EXPECT_FALSE(error) << spec << ": " << error->what();
  return sink->notes();
}

SeenClip read_clip(const std::string& spec, const SourceOptions& options) {
  const auto source = open_source(spec, options);
  SeenClip clip;
  clip.info = source->info();
  Frame frame;
  while ((clip.status = source->read(frame)) == ReadStatus::kFrame) {
    const auto mark = read_frame_mark(frame.picture);
    clip.frames.push_back({frame.id, frame.pts, mark ? *mark : -1});
  }
  clip.notes = source->notes();
  return clip;
}

std::vector<std::string> copy_clip(const std::string& from, const std::string& to, std::uint64_t most) {
  SourceOptions reading;
  reading.audio = sink_takes_audio(to);
  const auto source = open_source(from, reading);
  SinkOptions writing;
  writing.width = source->info().width;
  writing.height = source->info().height;
  writing.rate = source->info().rate;
  writing.audio = source->audio();
  const auto sink = open_sink(to, writing);
  Frame frame;
  for (std::uint64_t i = 0; i < most && source->read(frame) == ReadStatus::kFrame; ++i) {
    const auto error = sink->write(frame.picture, frame.pts, frame.id);
    EXPECT_FALSE(error) << error->what();
    if (error) break;
  }
  EXPECT_FALSE(source->error()) << source->error()->what();
  const auto error = sink->finish();
  EXPECT_FALSE(error) << error->what();
  return sink->notes();
}

namespace {

std::shared_ptr<EncodedAudio> fetch_sound(const std::string& spec) {
  SourceOptions options;
  options.audio = true;
  const auto source = open_source(spec, options);
  Frame frame;
  while (source->read(frame) == ReadStatus::kFrame) {
  }
  return std::dynamic_pointer_cast<EncodedAudio>(source->audio());
}

}  // namespace

std::vector<SeenPacket> read_sound(const std::string& spec) {
  std::vector<SeenPacket> packets;
  const auto sound = fetch_sound(spec);
  if (!sound) return packets;
  while (const Handle<GstBuffer> buffer = sound->take(Pts(std::numeric_limits<Pts::rep>::max()))) {
    SeenPacket packet{Pts(static_cast<Pts::rep>(GST_BUFFER_PTS(buffer.get()))), {}};
    packet.bytes.resize(gst_buffer_get_size(buffer.get()));
    gst_buffer_extract(buffer.get(), 0, packet.bytes.data(), packet.bytes.size());
    packets.push_back(std::move(packet));
  }
  return packets;
}

std::string sound_codec(const std::string& spec) {
  const auto sound = fetch_sound(spec);
  return sound ? sound->description() : "";
}

void run_pipeline(const std::string& description) {
  gstreamer::start();
  GError* failure = nullptr;
  const Handle<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(description.c_str(), &failure))));
  const gstreamer::ErrorHandle owned(failure);
  ASSERT_EQ(failure, nullptr) << failure->message << " in " << description;
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const Handle<GstBus> bus(gst_element_get_bus(pipeline.get()));
  const Handle<GstMessage> message(gst_bus_timed_pop_filtered(
      bus.get(), 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS)));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  ASSERT_TRUE(message) << "stands still: " << description;
  ASSERT_EQ(GST_MESSAGE_TYPE(message.get()), GST_MESSAGE_EOS) << description;
}

void make_clip_with_sound(const std::string& path, const std::string& video, const std::string& sound,
                          const std::string& mux, int sound_buffers) {
  run_pipeline("videotestsrc num-buffers=48 ! video/x-raw,width=64,height=48,framerate=24/1 ! " + video +
               " ! queue ! mux.video_0 audiotestsrc num-buffers=" + std::to_string(sound_buffers) +
               " samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! audioconvert ! " + sound +
               " ! queue ! mux.audio_0 " + mux + " name=mux ! filesink location=" + path);
}

void expect_frames(const SeenClip& clip, const std::vector<Pts>& times, Pts tolerance) {
  EXPECT_EQ(clip.status, ReadStatus::kEnd);
  ASSERT_EQ(clip.frames.size(), times.size());
  for (std::size_t i = 0; i < times.size(); ++i) {
    const SeenFrame& frame = clip.frames[i];
    EXPECT_EQ(frame.id, i);
    EXPECT_EQ(frame.mark, static_cast<int>(i % 65536));
    EXPECT_LE(std::abs((frame.pts - times[i]).count()), tolerance.count()) << "frame " << i;
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace comfystream::media::testing
