// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/video_source.hpp"

#include "comfystream/media/gstreamer/errors.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

namespace comfystream::media::gstreamer {
namespace {

constexpr std::chrono::milliseconds kPoll{50};
constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::seconds kStandstill{1};

std::string text_of(const char* format, double value) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

double in_seconds(Pts time) { return static_cast<double>(time.count()) / 1e9; }

}  // namespace

VideoSource::VideoSource(VideoInput input, const SourceOptions& options)
    : input_(std::move(input)), stream_id_(options.stream_id), pipeline_(input_, options.audio) {
  ReadStatus status = ReadStatus::kFrame;
  {
    const std::stop_callback on_stop(options.stop, [this] { stop(); });
    first_ = next_sample(status);
  }
  if (stopped()) throw Error(ErrorCode::kCancelled, input_.name + ": stopped before its first frame");
  if (error()) throw Error(*error());
  if (!first_ || !know_format(first_.get())) {
    throw Error(ErrorCode::kCorruptFile, input_.name + " holds no frame that can be decoded");
  }
  fill_info(options);
}

void VideoSource::fill_info(const SourceOptions& options) {
  info_.source_width = std::max(1, static_cast<int>(std::lround(GST_VIDEO_INFO_WIDTH(&format_) * pixel_aspect())));
  info_.source_height = GST_VIDEO_INFO_HEIGHT(&format_);
  info_.width = options.width > 0 ? options.width : info_.source_width;
  info_.height = options.height > 0 ? options.height : info_.source_height;
  info_.live = input_.live;
  if (GST_VIDEO_INFO_FPS_N(&format_) > 0) {
    info_.rate = FrameRate{GST_VIDEO_INFO_FPS_N(&format_), GST_VIDEO_INFO_FPS_D(&format_)};
    frame_length_ = pts_of(1, *info_.rate);
  }
  if (!input_.live) info_.duration = pipeline_.duration();
  if (info_.duration && info_.rate) {
    const double frames = in_seconds(*info_.duration) * info_.rate->numerator / info_.rate->denominator;
    info_.frame_count = static_cast<std::uint64_t>(std::llround(frames));
  }
  info_.has_audio = pipeline_.has_audio();
  fitter_.emplace(options.fit, info_.width, info_.height);
  pool_ = PicturePool::create(PixelFormat::kRgb8, info_.width, info_.height);
  describe();
}

void VideoSource::describe() {
  std::string& text = info_.description;
  text = input_.name + ": " + std::to_string(info_.source_width) + "x" + std::to_string(info_.source_height);
  if (!pipeline_.video_codec().empty()) text += " " + pipeline_.video_codec();
  if (info_.rate) {
    text += ", " + text_of("%.5g fps", static_cast<double>(info_.rate->numerator) / info_.rate->denominator);
  }
  if (info_.duration) text += ", " + text_of("%.2f s", in_seconds(*info_.duration));
  if (pipeline_.audio()) text += ", " + pipeline_.audio()->description();
}

ReadStatus VideoSource::read(Frame& frame) {
  if (final_) return *final_;
  while (true) {
    ReadStatus status = ReadStatus::kFrame;
    const Handle<GstSample> sample = first_ && !stopped() ? std::move(first_) : next_sample(status);
    if (!sample) {
      final_ = status;
      return status;
    }
    if (deliver(sample.get(), frame)) return ReadStatus::kFrame;
    if (error()) {
      final_ = ReadStatus::kError;
      return *final_;
    }
  }
}

Handle<GstSample> VideoSource::next_sample(ReadStatus& status) {
  const auto began = std::chrono::steady_clock::now();
  while (!stopped()) {
    if (Handle<GstSample> sample = pipeline_.samples().pop(kPoll)) return sample;
    // Errors come on another way than samples and may overtake them, so they count only once no sample is left.
    pipeline_.bus().read();
    if (Handle<GstSample> sample = pipeline_.samples().pop(std::chrono::milliseconds(0))) return sample;
    if (const auto reason = why_none()) {
      status = *reason;
      return nullptr;
    }
    const auto waited = std::chrono::steady_clock::now() - began;
    const auto doubtful = waited > kStandstill ? pipeline_.doubtful_error() : std::nullopt;
    if (doubtful || waited > kPatience) {
      status = fail(doubtful ? *doubtful : Error(ErrorCode::kIo, input_.name + " gave no frame for 30 s"));
      return nullptr;
    }
  }
  status = ReadStatus::kStopped;
  return nullptr;
}

/// Why there will be no sample any more, if so.
std::optional<ReadStatus> VideoSource::why_none() {
  BusReader& bus = pipeline_.bus();
  if (pipeline_.samples().at_end()) return end_of_stream();
  if (bus.error()) return fail(*bus.error());
  if (!pipeline_.without_picture() && !bus.at_end()) return std::nullopt;
  if (!bus.missing().empty()) return fail(missing_codec(bus.missing(), input_.name));
  return fail({ErrorCode::kInvalidArgument, input_.name + " holds no moving picture",
               pipeline_.has_audio() ? "it holds sound only; give a video" : "give a video"});
}

ReadStatus VideoSource::end_of_stream() {
  const auto& sound = pipeline_.audio();
  if (sound) await_sound();
  if (stopped()) return ReadStatus::kStopped;
  const Pts reached = std::max(last_pts_ + frame_length_, sound ? sound->end_time() : Pts(0));
  // Containers round durations, so a difference below a quarter of a second says nothing.
  if (info_.duration && reached + std::chrono::milliseconds(250) < *info_.duration) {
    note(input_.name + " ends at " + text_of("%.2f s", in_seconds(reached)) +
         text_of(" of %.2f s: was it cut short?", in_seconds(*info_.duration)));
  }
  if (pipeline_.bus().warnings() > 0) {
    note(input_.name + ": the decoder met damaged data " + std::to_string(pipeline_.bus().warnings()) +
         " times; the first time: " + pipeline_.bus().first_warning());
  }
  if (sound) sound->set_complete();
  return ReadStatus::kEnd;
}

/// The sound may last longer than the pictures, or come after them in the file.
void VideoSource::await_sound() {
  auto give_up = std::chrono::steady_clock::now() + kPatience;
  Pts reached = pipeline_.audio()->end_time();
  while (!stopped() && std::chrono::steady_clock::now() < give_up) {
    pipeline_.bus().read(kPoll);
    if (pipeline_.bus().at_end() || pipeline_.bus().error()) return;
    const Pts now_at = pipeline_.audio()->end_time();
    if (now_at > reached) give_up = std::chrono::steady_clock::now() + kPatience;
    reached = now_at;
  }
}

/// False when the sample holds no frame; with error() set when that ends it all.
bool VideoSource::deliver(GstSample* sample, Frame& frame) {
  GstBuffer* buffer = gst_sample_get_buffer(sample);
  if (buffer == nullptr || !know_format(sample)) return false;
  GstVideoFrame mapped;
  if (gst_video_frame_map(&mapped, &format_, buffer, GST_MAP_READ) == FALSE) {
    (void)fail({ErrorCode::kBackend, input_.name + ": a decoded frame cannot be read"});
    return false;
  }
  frame.picture = pool_->acquire();
  paint(mapped, frame.picture);
  gst_video_frame_unmap(&mapped);
  frame.stream_id = stream_id_;
  frame.pts = time_of(sample);
  frame.id = next_id_++;
  frame.arrival = std::chrono::steady_clock::now();
  return true;
}

void VideoSource::paint(const GstVideoFrame& from, Picture& to) {
  const int width = GST_VIDEO_INFO_WIDTH(&format_);
  const int height = GST_VIDEO_INFO_HEIGHT(&format_);
  const auto plane = [&](guint i) { return static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&from, i)); };
  const auto stride = [&](guint i) { return static_cast<std::size_t>(GST_VIDEO_FRAME_PLANE_STRIDE(&from, i)); };
  if (GST_VIDEO_INFO_IS_RGB(&format_)) {
    return fitter_->fit({plane(0), width, height, stride(0), pixel_aspect()}, to.bytes());
  }
  const int shift = GST_VIDEO_INFO_FORMAT(&format_) == GST_VIDEO_FORMAT_I420 ? 1 : 0;
  const YuvPlanes<const std::uint8_t> planes{
      {plane(0), plane(1), plane(2)}, {stride(0), stride(1), stride(2)}, width, height, shift, shift};
  // Square pixels of the wanted size need no fitting.
  if (width == to.width() && height == to.height() && pixel_aspect() == 1.0) {
    return to_rgb_->convert(planes, reinterpret_cast<std::uint8_t*>(to.bytes().data()));
  }
  const std::size_t row = static_cast<std::size_t>(width) * 3;
  rgb_.resize(row * static_cast<std::size_t>(height));
  to_rgb_->convert(planes, rgb_.data());
  fitter_->fit({rgb_.data(), width, height, row, pixel_aspect()}, to.bytes());
}

double VideoSource::pixel_aspect() const noexcept {
  return static_cast<double>(GST_VIDEO_INFO_PAR_N(&format_)) / GST_VIDEO_INFO_PAR_D(&format_);
}

bool VideoSource::know_format(GstSample* sample) {
  GstCaps* caps = gst_sample_get_caps(sample);
  if (caps == caps_.get() && caps != nullptr) return true;
  if (caps == nullptr || gst_video_info_from_caps(&format_, caps) == FALSE) return false;
  caps_.reset(gst_caps_ref(caps));
  const GstVideoColorimetry& colour = GST_VIDEO_INFO_COLORIMETRY(&format_);
  YuvCoding coding;
  coding.full_range = colour.range == GST_VIDEO_COLOR_RANGE_0_255;
  // Leaves BT.709 where the medium does not say.
  (void)gst_video_color_matrix_get_Kr_Kb(colour.matrix, &coding.red_weight, &coding.blue_weight);
  if (!to_rgb_ || !(to_rgb_->coding() == coding)) to_rgb_.emplace(coding);
  return true;
}

Pts VideoSource::time_of(GstSample* sample) {
  const GstClockTime time = gst_segment_to_running_time(gst_sample_get_segment(sample), GST_FORMAT_TIME,
                                                        GST_BUFFER_PTS(gst_sample_get_buffer(sample)));
  Pts pts = next_id_ == 0 ? Pts(0) : last_pts_ + frame_length_;
  if (GST_CLOCK_TIME_IS_VALID(time)) {
    pts = Pts(static_cast<Pts::rep>(time));
    if (input_.live && next_id_ == 0) {
      origin_ = pts;
      if (pipeline_.audio()) pipeline_.audio()->set_origin(origin_);
    }
    pts -= origin_;
  }
  last_pts_ = next_id_ == 0 ? pts : std::max(pts, last_pts_);
  return last_pts_;
}

}  // namespace comfystream::media::gstreamer
