// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/open_video.hpp"

#include "comfystream/media/gstreamer/handles.hpp"
#include "comfystream/media/gstreamer/runtime.hpp"
#include "comfystream/media/gstreamer/video_sink.hpp"
#include "comfystream/media/gstreamer/video_source.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <string_view>

namespace comfystream::media::gstreamer {
namespace {

namespace fs = std::filesystem;

bool is_live(const std::string& uri) {
  constexpr std::array<std::string_view, 7> kSchemes{"rtsp", "rtmp", "udp:", "rtp:", "srt:", "tcp:", "v4l2:"};
  return std::any_of(kSchemes.begin(), kSchemes.end(), [&](std::string_view s) { return uri.starts_with(s); });
}

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::string first_camera() {
  for (int number = 0; number < 16; ++number) {
    std::string device = "/dev/video" + std::to_string(number);
    if (fs::exists(device)) return device;
  }
  throw Error(ErrorCode::kNotFound, "there is no camera: no /dev/video0 to /dev/video15",
              "plug one in, or in a container pass it through (docker run --device /dev/video0)");
}

VideoInput camera(const std::string& target) {
  const bool device = target.empty() || target.front() == '/' || is_number(target);
  if (!device) return {"", target, "camera:" + target, true};
  require_element("v4l2src");
  const std::string path = target.empty() ? first_camera() : is_number(target) ? "/dev/video" + target : target;
  if (!fs::exists(path)) {
    throw Error(ErrorCode::kNotFound, "there is no camera " + path, "ls /dev/video* shows those that there are");
  }
  return {"v4l2://" + path, "", "camera " + path, true};
}

VideoInput file(const std::string& path) {
  GError* failure = nullptr;
  std::string uri = take_text(gst_filename_to_uri(path.c_str(), &failure));
  const ErrorHandle owned(failure);
  if (failure != nullptr) throw Error(ErrorCode::kInvalidArgument, path + ": " + failure->message);
  return {std::move(uri), "", path, false};
}

}  // namespace

std::unique_ptr<FrameSource> open_video_source(const SourceSpec& spec, const SourceOptions& options) {
  start();
  switch (spec.kind) {
    case SourceKind::kCamera:
      return std::make_unique<VideoSource>(camera(spec.target), options);
    case SourceKind::kUri:
      return std::make_unique<VideoSource>(VideoInput{spec.target, "", spec.target, is_live(spec.target)}, options);
    default:
      return std::make_unique<VideoSource>(file(spec.target), options);
  }
}

std::unique_ptr<FrameSink> open_video_sink(const SinkSpec& spec, const SinkOptions& options) {
  return std::make_unique<VideoSink>(spec, options);
}

}  // namespace comfystream::media::gstreamer
