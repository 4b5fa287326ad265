// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/decode_pipeline.hpp"

#include "comfystream/media/gstreamer/runtime.hpp"

#include <string_view>
#include <utility>

#include <gst/app/gstappsink.h>
#include <gst/pbutils/pbutils.h>

namespace comfystream::media::gstreamer {
namespace {

constexpr std::size_t kQueued = 4;

/// qos off: nothing here may drop a frame because it is late. The sink does not wait for the clock: files run as fast
/// as they are read, and live sources keep time themselves.
constexpr const char* kVideoChain =
    "videoconvert qos=false ! videoflip video-direction=auto qos=false ! "
    "appsink name=frames caps=video/x-raw,format={I420,Y444,RGB} sync=false async=false qos=false max-buffers=1";

bool is_kind(const GstCaps* caps, const char* prefix) {
  return gst_caps_get_size(caps) > 0 &&
         g_str_has_prefix(gst_structure_get_name(gst_caps_get_structure(caps, 0)), prefix) == TRUE;
}

bool is_true(const GstCaps* caps, const char* field) {
  gboolean value = FALSE;
  return gst_structure_get_boolean(gst_caps_get_structure(caps, 0), field, &value) == TRUE && value == TRUE;
}

/// Sound in packets that a container can take; anything else has to go through a parser first.
bool is_packets(const GstCaps* caps) {
  return is_true(caps, "framed") || is_true(caps, "parsed") || is_kind(caps, "audio/x-opus") ||
         is_kind(caps, "audio/x-vorbis") || is_kind(caps, "audio/x-raw");
}

bool is_text(const GstCaps* caps) {
  return is_kind(caps, "text/") || is_kind(caps, "subpicture/") || is_kind(caps, "closedcaption/") ||
         is_kind(caps, "application/x-ass") || is_kind(caps, "application/x-ssa") || is_kind(caps, "meta/");
}

void set_up_source(GstElement* /*bin*/, GstElement* source, gpointer /*self*/) {
  GstElementFactory* factory = gst_element_get_factory(source);
  // rtspsrc waits 2 s for late packets by default; 200 ms is enough for a network that live video makes sense on.
  if (factory != nullptr && std::string_view(GST_OBJECT_NAME(factory)) == "rtspsrc") {
    g_object_set(source, "latency", 200U, nullptr);
  }
}

/// jpegdec's default way of computing blocks overflows where black meets white.
void set_up_decoder(GstBin* /*pipeline*/, GstBin* /*bin*/, GstElement* element, gpointer /*self*/) {
  GstElementFactory* factory = gst_element_get_factory(element);
  if (factory != nullptr && std::string_view(GST_OBJECT_NAME(factory)) == "jpegdec") {
    gst_util_set_object_arg(G_OBJECT(element), "idct-method", "islow");
  }
}

GstElement* parse_bin(const char* description, const char* what) {
  GError* failure = nullptr;
  GstElement* bin =
      gst_parse_bin_from_description_full(description, TRUE, nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &failure);
  const ErrorHandle owned(failure);
  if (bin == nullptr) {
    throw Error(ErrorCode::kInvalidArgument, std::string("cannot build ") + what + " \"" + description +
                                                 "\": " + (failure != nullptr ? failure->message : "unknown"));
  }
  return bin;
}

}  // namespace

DecodePipeline::DecodePipeline(const VideoInput& input, bool with_audio)
    : with_audio_(with_audio), samples_(kQueued, input.live ? WhenFull::kDropOldest : WhenFull::kWait) {
  start();
  for (const char* name : {"uridecodebin", "decodebin", "videoconvert", "videoflip", "appsink"}) require_element(name);
  pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
  bus_.emplace(pipeline_.get(), Direction::kReading, input.name);
  tap_.emplace(pipeline_.get(), input.name);
  g_signal_connect(pipeline_.get(), "deep-element-added", G_CALLBACK(set_up_decoder), nullptr);
  make_video_chain();
  connect(add_decoder(input));
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  samples_.bound();
}

DecodePipeline::~DecodePipeline() {
  // A decoder that waits for room must get away before it can be stopped.
  samples_.close();
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

GstElement* DecodePipeline::add_decoder(const VideoInput& input) {
  GstElement* decoder = gst_element_factory_make(input.uri.empty() ? "decodebin" : "uridecodebin", nullptr);
  gst_bin_add(GST_BIN(pipeline_.get()), decoder);
  if (input.uri.empty()) {
    // Caps may come last in the description, and they want something behind them.
    GstElement* source = parse_bin((input.launch + " ! identity silent=true").c_str(), "the source");
    gst_bin_add(GST_BIN(pipeline_.get()), source);
    if (gst_element_link(source, decoder) == FALSE) {
      throw Error(ErrorCode::kInvalidArgument, "the source \"" + input.launch + "\" gives nothing that can be decoded");
    }
  } else {
    g_object_set(decoder, "uri", input.uri.c_str(), nullptr);
    g_signal_connect(decoder, "source-setup", G_CALLBACK(set_up_source), nullptr);
  }
  return decoder;
}

void DecodePipeline::connect(GstElement* decoder) {
  g_signal_connect(decoder, "autoplug-continue",
                   G_CALLBACK(+[](GstElement*, GstPad*, GstCaps* caps, gpointer self) -> gboolean {
                     return static_cast<DecodePipeline*>(self)->look_into(caps) ? TRUE : FALSE;
                   }),
                   this);
  g_signal_connect(decoder, "pad-added", G_CALLBACK(+[](GstElement*, GstPad* pad, gpointer self) {
                     static_cast<DecodePipeline*>(self)->link(pad);
                   }),
                   this);
  g_signal_connect(decoder, "no-more-pads", G_CALLBACK(+[](GstElement*, gpointer data) {
                     auto* self = static_cast<DecodePipeline*>(data);
                     self->without_picture_ = !self->has_video_;
                   }),
                   this);
}

/// Whether decoding goes on with these caps: to the end for pictures, up to packets for sound, no further for text.
bool DecodePipeline::look_into(GstCaps* caps) {
  if (is_kind(caps, "video/x-raw") || is_text(caps)) return !is_text(caps);
  if (is_kind(caps, "audio/")) return !is_packets(caps);
  if (gst_caps_is_fixed(caps) == TRUE && (is_kind(caps, "video/") || is_kind(caps, "image/"))) {
    std::string codec = take_text(gst_pb_utils_get_codec_description(caps));
    if (!codec.empty()) video_codec_ = std::move(codec);
  }
  return true;
}

void DecodePipeline::link(GstPad* pad) {
  Handle<GstCaps> caps(gst_pad_get_current_caps(pad));
  if (!caps) caps.reset(gst_pad_query_caps(pad, nullptr));
  if (is_kind(caps.get(), "video/x-raw") && !has_video_) {
    has_video_ = true;
    return run_and_link(video_chain_.get(), pad);
  }
  if (is_kind(caps.get(), "audio/") && !has_audio_ && gst_caps_is_fixed(caps.get()) == TRUE) {
    has_audio_ = true;
    if (with_audio_) return link_audio(pad, std::move(caps));
  }
  GstElement* sink = gst_element_factory_make("fakesink", nullptr);
  g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
  run_and_link(sink, pad);
}

/// Made before the streams are known: in their threads nothing may be thrown.
void DecodePipeline::make_video_chain() {
  video_chain_.reset(GST_ELEMENT(gst_object_ref_sink(parse_bin(kVideoChain, "the decoding pipeline"))));
  const Handle<GstElement> frames(gst_bin_get_by_name(GST_BIN(video_chain_.get()), "frames"));
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = [](GstAppSink* sink, gpointer self) {
    Handle<GstSample> sample(gst_app_sink_pull_sample(sink));
    if (!sample) return GST_FLOW_EOS;
    return static_cast<DecodePipeline*>(self)->samples_.push(std::move(sample)) ? GST_FLOW_OK : GST_FLOW_FLUSHING;
  };
  callbacks.eos = [](GstAppSink*, gpointer self) { static_cast<DecodePipeline*>(self)->samples_.end(); };
  gst_app_sink_set_callbacks(GST_APP_SINK(frames.get()), &callbacks, this, nullptr);
}

void DecodePipeline::link_audio(GstPad* pad, Handle<GstCaps> caps) {
  std::string codec = take_text(gst_pb_utils_get_codec_description(caps.get()));
  audio_ = std::make_shared<EncodedAudio>(std::move(caps), std::move(codec));
  GstElement* sink = gst_element_factory_make("appsink", nullptr);
  g_object_set(sink, "sync", FALSE, "async", FALSE, "qos", FALSE, nullptr);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = [](GstAppSink* from, gpointer track) {
    const Handle<GstSample> sample(gst_app_sink_pull_sample(from));
    if (sample) static_cast<EncodedAudio*>(track)->push(sample.get());
    return GST_FLOW_OK;
  };
  callbacks.eos = [](GstAppSink*, gpointer track) { static_cast<EncodedAudio*>(track)->end(); };
  // Only the pipeline calls these, and it is taken down before the track is let go.
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, audio_.get(), nullptr);
  run_and_link(sink, pad);
}

void DecodePipeline::run_and_link(GstElement* element, GstPad* pad) {
  gst_bin_add(GST_BIN(pipeline_.get()), element);
  gst_element_sync_state_with_parent(element);
  const Handle<GstPad> entry(gst_element_get_static_pad(element, "sink"));
  gst_pad_link(pad, entry.get());
}

std::optional<Pts> DecodePipeline::duration() const {
  gint64 nanoseconds = 0;
  if (gst_element_query_duration(pipeline_.get(), GST_FORMAT_TIME, &nanoseconds) == FALSE || nanoseconds <= 0) {
    return std::nullopt;
  }
  return Pts(nanoseconds);
}

}  // namespace comfystream::media::gstreamer
