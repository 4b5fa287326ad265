// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/discover.hpp"

#include <gst/pbutils/pbutils.h>

#include <memory>

#include "comfystream/media/gstreamer/errors.hpp"
#include "comfystream/media/gstreamer/handles.hpp"

namespace comfystream::media::gstreamer {
namespace {

constexpr GstClockTime kPatience = 30 * GST_SECOND;

struct FreeStreams {
  void operator()(GList* list) const noexcept { gst_discoverer_stream_info_list_free(list); }
};
using Streams = std::unique_ptr<GList, FreeStreams>;

struct Unref {
  template <typename Object>
  void operator()(Object* object) const noexcept {
    g_object_unref(object);
  }
};

std::string codec_of(GstDiscovererStreamInfo* stream) {
  const Handle<GstCaps> caps(gst_discoverer_stream_info_get_caps(stream));
  return caps ? take_text(gst_pb_utils_get_codec_description(caps.get())) : std::string();
}

void read_video(GstDiscovererVideoInfo* video, MediaFacts& facts) {
  facts.width = static_cast<int>(gst_discoverer_video_info_get_width(video));
  facts.height = static_cast<int>(gst_discoverer_video_info_get_height(video));
  facts.video_codec = codec_of(GST_DISCOVERER_STREAM_INFO(video));
  const auto numerator = gst_discoverer_video_info_get_framerate_num(video);
  const auto denominator = gst_discoverer_video_info_get_framerate_denom(video);
  if (numerator > 0 && denominator > 0) {
    facts.rate = FrameRate{static_cast<int>(numerator), static_cast<int>(denominator)};
  }
}

/// The first moving picture; a still one is a cover of a sound file.
GstDiscovererVideoInfo* moving_picture(GList* streams) {
  for (GList* at = streams; at != nullptr; at = at->next) {
    auto* video = GST_DISCOVERER_VIDEO_INFO(at->data);
    if (gst_discoverer_video_info_is_image(video) == FALSE) return video;
  }
  return nullptr;
}

[[noreturn]] void throw_missing(GstDiscovererInfo* info, const std::string& name) {
  std::string details;
  const gchar** missing = gst_discoverer_info_get_missing_elements_installer_details(info);
  for (; missing != nullptr && *missing != nullptr; ++missing) {
    // "gstreamer|1.0|program|what a person reads|what a program reads"
    const std::string detail = *missing;
    std::size_t begin = 0;
    for (int field = 0; field < 3; ++field) begin = detail.find('|', begin) + 1;
    details += (details.empty() ? "" : ", ") + detail.substr(begin, detail.find('|', begin) - begin);
  }
  throw Error(ErrorCode::kUnsupported, name + " needs what is not installed: " + details,
              "apt-get install gstreamer1.0-libav gstreamer1.0-plugins-ugly gstreamer1.0-plugins-bad");
}

}  // namespace

MediaFacts discover(const std::string& uri, const std::string& name) {
  GError* failure = nullptr;
  const std::unique_ptr<GstDiscoverer, Unref> discoverer(gst_discoverer_new(kPatience, &failure));
  if (!discoverer) {
    const ErrorHandle owned(failure);
    throw to_error(*failure, name);
  }
  const std::unique_ptr<GstDiscovererInfo, Unref> info(
      gst_discoverer_discover_uri(discoverer.get(), uri.c_str(), &failure));
  const ErrorHandle owned(failure);
  const GstDiscovererResult result = info ? gst_discoverer_info_get_result(info.get()) : GST_DISCOVERER_ERROR;

  MediaFacts facts;
  GstDiscovererVideoInfo* video = nullptr;
  Streams pictures;
  if (info) {
    pictures.reset(gst_discoverer_info_get_video_streams(info.get()));
    video = moving_picture(pictures.get());
    const Streams sounds(gst_discoverer_info_get_audio_streams(info.get()));
    facts.has_audio = sounds != nullptr;
    if (sounds) facts.audio_codec = codec_of(GST_DISCOVERER_STREAM_INFO(sounds->data));
  }
  // Sound without a decoder here is no obstacle: it is passed on as it is.
  if (video == nullptr && result == GST_DISCOVERER_MISSING_PLUGINS) throw_missing(info.get(), name);
  if (result == GST_DISCOVERER_TIMEOUT) {
    throw Error(ErrorCode::kIo, name + " gave nothing for 30 s");
  }
  if (video == nullptr && facts.has_audio) {
    throw Error(ErrorCode::kInvalidArgument, name + " holds sound but no moving picture", "give a video");
  }
  if (video == nullptr && failure != nullptr) throw to_error(*failure, name);
  if (video == nullptr) throw Error(ErrorCode::kCorruptFile, name + " holds no moving picture");
  read_video(video, facts);
  const GstClockTime duration = gst_discoverer_info_get_duration(info.get());
  if (GST_CLOCK_TIME_IS_VALID(duration) && duration > 0) facts.duration = Pts(static_cast<Pts::rep>(duration));
  return facts;
}

}  // namespace comfystream::media::gstreamer
