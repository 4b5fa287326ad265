// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/open.hpp"

#include "comfystream/media/image_source.hpp"
#include "comfystream/media/null_sink.hpp"
#include "comfystream/media/png_sink.hpp"
#include "comfystream/media/spec.hpp"
#include "comfystream/media/test_pattern_source.hpp"

#include <filesystem>
#ifdef COMFYSTREAM_WITH_GSTREAMER
#include "comfystream/media/gstreamer/open_video.hpp"
#endif

namespace comfystream::media {
namespace {

namespace fs = std::filesystem;

void check_size(int width, int height, bool may_be_unset) {
  const bool unset = width == 0 && height == 0;
  if ((unset && may_be_unset) || (width > 0 && height > 0)) return;
  throw Error(ErrorCode::kInvalidArgument,
              "pictures of " + std::to_string(width) + "x" + std::to_string(height) + " pixels", "give --size WxH");
}

#ifdef COMFYSTREAM_WITH_GSTREAMER
std::unique_ptr<FrameSource> open_video(const SourceSpec& spec, const SourceOptions& options) {
  return gstreamer::open_video_source(spec, options);
}
std::unique_ptr<FrameSink> open_video(const SinkSpec& spec, const SinkOptions& options) {
  return gstreamer::open_video_sink(spec, options);
}
#else
constexpr const char* kNoVideoHint =
    "install libgstreamer1.0-dev and libgstreamer-plugins-base1.0-dev and build again; images, folders, testpattern: "
    "and "
    "null work without";
std::unique_ptr<FrameSource> open_video(const SourceSpec& spec, const SourceOptions& /*options*/) {
  throw Error(ErrorCode::kUnsupported, "this build reads no video, camera or URI: " + spec.target, kNoVideoHint);
}
std::unique_ptr<FrameSink> open_video(const SinkSpec& spec, const SinkOptions& /*options*/) {
  throw Error(ErrorCode::kUnsupported, "this build writes no video: " + spec.target, kNoVideoHint);
}
#endif

}  // namespace

bool has_video() noexcept {
#ifdef COMFYSTREAM_WITH_GSTREAMER
  return true;
#else
  return false;
#endif
}

std::unique_ptr<FrameSource> open_source(const std::string& text, const SourceOptions& options) {
  check_size(options.width, options.height, true);
  const SourceSpec spec = parse_source(text);
  switch (spec.kind) {
    case SourceKind::kTestPattern:
      return std::make_unique<TestPatternSource>(parse_test_pattern(spec.target), options);
    case SourceKind::kFolder:
      return std::make_unique<ImageSource>(images_in_folder(spec.target), options);
    case SourceKind::kGlob:
      return std::make_unique<ImageSource>(images_matching(spec.target), options);
    case SourceKind::kStillImage:
      return std::make_unique<ImageSource>(std::vector<fs::path>{spec.target}, options);
    case SourceKind::kCamera:
    case SourceKind::kUri:
    case SourceKind::kVideoFile:
      break;
  }
  return open_video(spec, options);
}

std::unique_ptr<FrameSink> open_sink(const std::string& text, const SinkOptions& options) {
  check_size(options.width, options.height, false);
  const SinkSpec spec = parse_sink(text);
  switch (spec.kind) {
    case SinkKind::kNull:
      return std::make_unique<NullSink>(options);
    case SinkKind::kFolder:
      return std::make_unique<PngFolderSink>(spec.target, options);
    case SinkKind::kPng:
      return std::make_unique<PngFileSink>(spec.target, options);
    case SinkKind::kVideoFile:
      break;
  }
  return open_video(spec, options);
}

bool sink_takes_audio(const std::string& text) { return parse_sink(text).kind == SinkKind::kVideoFile; }

void check_distinct(const std::string& source, const std::string& sink) {
  std::error_code failure;
  const std::string target = parse_sink(sink).target;
  if (fs::equivalent(source, target, failure) && !failure) {
    throw Error(ErrorCode::kInvalidArgument, "input and output are the same: " + target, "give another --output");
  }
}

}  // namespace comfystream::media
