// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/video_source.hpp"

#include <gst/pbutils/pbutils.h>
#include <gst/video/video.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include "comfystream/media/gstreamer/errors.hpp"
#include "comfystream/media/gstreamer/runtime.hpp"

namespace comfystream::media::gstreamer {
namespace {

constexpr std::chrono::milliseconds kPoll{50};
constexpr std::chrono::seconds kPatience{30};
constexpr std::size_t kQueued = 4;

bool is_live(const std::string& uri) {
  constexpr std::array<std::string_view, 8> kSchemes{"rtsp:", "rtsps:", "rtspt:", "rtmp:", "udp:", "rtp:", "srt:", "v4l2:"};
  return std::any_of(kSchemes.begin(), kSchemes.end(), [&](std::string_view s) { return uri.rfind(s, 0) == 0; });
}

bool is_kind(const GstCaps* caps, const char* prefix) {
  return gst_caps_get_size(caps) > 0 && g_str_has_prefix(gst_structure_get_name(gst_caps_get_structure(caps, 0)), prefix);
}

/// Whether decoding goes on behind this pad: to the end for pictures, up to complete packets for sound, no further for
/// subtitles and data.
gboolean should_continue(GstElement* /*bin*/, GstPad* /*pad*/, GstCaps* caps, gpointer /*self*/) {
  if (is_kind(caps, "text/") || is_kind(caps, "subpicture/") || is_kind(caps, "application/x-s") ||
      is_kind(caps, "closedcaption/")) {
    return is_kind(caps, "application/x-srtp") ? TRUE : FALSE;
  }
  if (!is_kind(caps, "audio/")) return TRUE;
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  gboolean complete = FALSE;
  for (const char* field : {"framed", "parsed"}) {
    gboolean value = FALSE;
    if (gst_structure_get_boolean(structure, field, &value) == TRUE && value == TRUE) complete = TRUE;
  }
  const bool packets = is_kind(caps, "audio/x-opus") || is_kind(caps, "audio/x-vorbis") || is_kind(caps, "audio/x-raw");
  return complete == TRUE || packets ? FALSE : TRUE;
}

void set_up_source(GstElement* /*bin*/, GstElement* source, gpointer /*self*/) {
  GstElementFactory* factory = gst_element_get_factory(source);
  // rtspsrc waits 2 s for late packets by default; 200 ms is enough for a network that live video makes sense on.
  if (factory != nullptr && g_str_equal(GST_OBJECT_NAME(factory), "rtspsrc") == TRUE) {
    g_object_set(source, "latency", 200U, nullptr);
  }
}

std::string seconds(Pts time) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.2f s", static_cast<double>(time.count()) / 1e9);
  return text.data();
}

}  // namespace

VideoSource::VideoSource(const std::string& uri, std::string name, const SourceOptions& options)
    : name_(std::move(name)),
      live_(is_live(uri)),
      wants_audio_(options.audio),
      stream_id_(options.stream_id),
      samples_(kQueued, live_ ? WhenFull::kDropOldest : WhenFull::kWait) {
  start();
  if (!live_) facts_ = discover(uri, name_);
  build(uri);
  try {
    await_first();
    fill_info(options);
  } catch (...) {
    shut_down();
    throw;
  }
}

VideoSource::~VideoSource() { shut_down(); }

void VideoSource::shut_down() noexcept {
  samples_.close();
  if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

void VideoSource::build(const std::string& uri) {
  for (const char* name : {"uridecodebin", "videoconvert", "videoflip", "appsink"}) require_element(name);
  pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
  bus_.reset(gst_element_get_bus(pipeline_.get()));
  GError* failure = nullptr;
  // qos off: nothing here may drop a frame because it is late.
  GstElement* chain = gst_parse_bin_from_description(
      "videoflip name=entry method=automatic qos=false ! videoconvert qos=false ! "
      "appsink name=frames caps=video/x-raw,format=RGB sync=false qos=false max-buffers=1",
      TRUE, &failure);
  if (chain == nullptr) {
    const ErrorHandle owned(failure);
    throw Error(ErrorCode::kBackend, std::string("cannot build the decoding pipeline: ") + failure->message);
  }
  GstElement* decoder = gst_element_factory_make("uridecodebin", nullptr);
  g_object_set(decoder, "uri", uri.c_str(), nullptr);
  gst_bin_add_many(GST_BIN(pipeline_.get()), decoder, chain, nullptr);
  video_entry_ = chain;

  const Handle<GstElement> frames(gst_bin_get_by_name(GST_BIN(chain), "frames"));
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = [](GstAppSink* sink, gpointer self) {
    Handle<GstSample> sample(gst_app_sink_pull_sample(sink));
    if (!sample) return GST_FLOW_EOS;
    return static_cast<VideoSource*>(self)->samples_.push(std::move(sample)) ? GST_FLOW_OK : GST_FLOW_FLUSHING;
  };
  callbacks.eos = [](GstAppSink*, gpointer self) { static_cast<VideoSource*>(self)->samples_.end(); };
  gst_app_sink_set_callbacks(GST_APP_SINK(frames.get()), &callbacks, this, nullptr);

  g_signal_connect(decoder, "autoplug-continue", G_CALLBACK(should_continue), nullptr);
  g_signal_connect(decoder, "source-setup", G_CALLBACK(set_up_source), nullptr);
  g_signal_connect(decoder, "pad-added",
                   G_CALLBACK(+[](GstElement*, GstPad* pad, gpointer self) { static_cast<VideoSource*>(self)->link_pad(pad); }),
                   this);
  g_signal_connect(decoder, "no-more-pads", G_CALLBACK(+[](GstElement*, gpointer data) {
                     auto* self = static_cast<VideoSource*>(data);
                     if (!self->video_linked_) self->no_picture_ = true;
                   }),
                   this);
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
}

void VideoSource::link_pad(GstPad* pad) {
  Handle<GstCaps> caps(gst_pad_get_current_caps(pad));
  if (!caps) caps.reset(gst_pad_query_caps(pad, nullptr));
  if (is_kind(caps.get(), "video/x-raw") && !video_linked_) {
    const Handle<GstPad> entry(gst_element_get_static_pad(video_entry_, "sink"));
    video_linked_ = gst_pad_link(pad, entry.get()) == GST_PAD_LINK_OK;
    if (video_linked_) return;
  }
  if (is_kind(caps.get(), "audio/") && !audio_ && gst_caps_is_fixed(caps.get()) == TRUE) {
    link_audio(pad, std::move(caps));
  } else {
    discard(pad);
  }
}

void VideoSource::link_audio(GstPad* pad, Handle<GstCaps> caps) {
  std::string codec = take_text(gst_pb_utils_get_codec_description(caps.get()));
  audio_ = std::make_shared<EncodedAudio>(std::move(caps), std::move(codec));
  if (wants_audio_) audio_->keep();
  GstElement* sink = gst_element_factory_make("appsink", nullptr);
  g_object_set(sink, "sync", FALSE, "async", FALSE, "qos", FALSE, nullptr);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = [](GstAppSink* from, gpointer track) {
    const Handle<GstSample> sample(gst_app_sink_pull_sample(from));
    if (sample) static_cast<EncodedAudio*>(track)->push(sample.get());
    return GST_FLOW_OK;
  };
  callbacks.eos = [](GstAppSink*, gpointer track) { static_cast<EncodedAudio*>(track)->end(); };
  // The pipeline, which this object takes down before it lets go of the track, is the only caller.
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, audio_.get(), nullptr);
  gst_bin_add(GST_BIN(pipeline_.get()), sink);
  gst_element_sync_state_with_parent(sink);
  const Handle<GstPad> entry(gst_element_get_static_pad(sink, "sink"));
  gst_pad_link(pad, entry.get());
}

void VideoSource::discard(GstPad* pad) {
  GstElement* sink = gst_element_factory_make("fakesink", nullptr);
  g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
  gst_bin_add(GST_BIN(pipeline_.get()), sink);
  gst_element_sync_state_with_parent(sink);
  const Handle<GstPad> entry(gst_element_get_static_pad(sink, "sink"));
  gst_pad_link(pad, entry.get());
}

void VideoSource::await_first() {
  ReadStatus status = ReadStatus::kFrame;
  first_ = next_sample(status);
  if (first_) return;
  if (error()) throw *error();
  throw Error(ErrorCode::kCorruptFile, name_ + " holds no frame that can be decoded");
}

void VideoSource::fill_info(const SourceOptions& options) {
  GstVideoInfo video;
  if (gst_video_info_from_caps(&video, gst_sample_get_caps(first_.get())) == FALSE) {
    throw Error(ErrorCode::kInternal, name_ + ": the decoder gave frames without a format");
  }
  info_.source_width = GST_VIDEO_INFO_WIDTH(&video);
  info_.source_height = GST_VIDEO_INFO_HEIGHT(&video);
  info_.width = options.width > 0 ? options.width : info_.source_width;
  info_.height = options.height > 0 ? options.height : info_.source_height;
  info_.rate = facts_.rate;
  if (!info_.rate && GST_VIDEO_INFO_FPS_N(&video) > 0) {
    info_.rate = FrameRate{GST_VIDEO_INFO_FPS_N(&video), GST_VIDEO_INFO_FPS_D(&video)};
  }
  info_.live = live_;
  info_.duration = facts_.duration;
  info_.has_audio = facts_.has_audio || audio_ != nullptr;
  fitter_.emplace(options.fit, info_.width, info_.height);
  pool_ = PicturePool::create(PixelFormat::kRgb8, info_.width, info_.height);
  info_.description = name_ + ": " + std::to_string(info_.source_width) + "x" + std::to_string(info_.source_height);
  if (!facts_.video_codec.empty()) info_.description += " " + facts_.video_codec;
  if (info_.rate) {
    const double fps = static_cast<double>(info_.rate->numerator) / info_.rate->denominator;
    frame_length_ = Pts(static_cast<Pts::rep>(1e9 / fps));
    if (info_.duration) {
      info_.frame_count = static_cast<std::uint64_t>(static_cast<double>(info_.duration->count()) * fps / 1e9 + 0.5);
    }
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), ", %.5g fps", fps);
    info_.description += text.data();
  }
  if (info_.duration) info_.description += ", " + seconds(*info_.duration);
  if (audio_) info_.description += ", " + audio_->description();
}

Handle<GstSample> VideoSource::next_sample(ReadStatus& status) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    if (stopped()) {
      status = ReadStatus::kStopped;
      return nullptr;
    }
    if (Handle<GstSample> sample = samples_.pop(kPoll)) {
      status = ReadStatus::kFrame;
      return sample;
    }
    if (samples_.at_end()) {
      status = end_of_stream();
      return nullptr;
    }
    if (auto failure = take_error(bus_.get(), name_)) {
      // Frames may have come between the look into the queue and the look at the bus.
      if (Handle<GstSample> sample = samples_.pop(std::chrono::milliseconds(0))) {
        gst_element_post_message(pipeline_.get(), gst_message_new_error(nullptr, nullptr, nullptr));
        return sample;
      }
      status = fail(*std::move(failure));
      return nullptr;
    }
    if (no_picture_) {
      status = fail({ErrorCode::kInvalidArgument, name_ + " holds no moving picture", "give a video"});
      return nullptr;
    }
    if (std::chrono::steady_clock::now() > give_up) {
      status = fail({ErrorCode::kIo, name_ + " gave no frame for 30 s"});
      return nullptr;
    }
  }
}

}  // namespace comfystream::media::gstreamer
