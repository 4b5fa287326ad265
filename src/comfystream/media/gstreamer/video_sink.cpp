// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/video_sink.hpp"

#include "comfystream/media/gstreamer/disk_reserve.hpp"
#include "comfystream/media/gstreamer/runtime.hpp"
#include "comfystream/media/rgb8.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include <gst/app/gstappsrc.h>

namespace comfystream::media::gstreamer {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kWaiting = 4;  // pictures given and not yet taken by the encoder
constexpr std::chrono::milliseconds kPoll{50};
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::seconds kSoundLag{5};
constexpr Pts kUsualLength = std::chrono::milliseconds(40);
constexpr Pts kForever{std::numeric_limits<Pts::rep>::max()};

}  // namespace

VideoSink::VideoSink(const SinkSpec& spec, const SinkOptions& options)
    : path_(spec.target),
      width_(options.width),
      height_(options.height),
      frame_length_(options.rate ? pts_of(1, *options.rate) : Pts(0)),
      sound_(std::dynamic_pointer_cast<EncodedAudio>(options.audio)) {
  start();
  plan_ = plan_encoding(spec, options, sound_.get());
  for (const std::string& element : plan_.elements) require_element(element.c_str());
  build();
  open();
}

VideoSink::~VideoSink() {
  try {
    (void)finish();
  } catch (...) {  // out of memory while making the error
    shut_down();
  }
}

void VideoSink::build() {
  GError* problem = nullptr;
  pipeline_.reset(gst_parse_launch_full(plan_.launch.c_str(), nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &problem));
  const ErrorHandle owned(problem);
  if (!pipeline_) {
    throw Error(ErrorCode::kBackend, "cannot build the encoding pipeline: " + std::string(problem->message));
  }
  gst_object_ref_sink(pipeline_.get());
  bus_.emplace(pipeline_.get(), Direction::kWriting, path_);
  GstBin* bin = GST_BIN(pipeline_.get());
  pictures_.reset(gst_bin_get_by_name(bin, "pictures"));
  sound_entry_.reset(gst_bin_get_by_name(bin, "sound"));
  const Handle<GstElement> file(gst_bin_get_by_name(bin, "file"));
  g_object_set(file.get(), "location", path_.c_str(), nullptr);

  const Handle<GstCaps> caps(gst_caps_from_string(plan_.caps.c_str()));
  gst_app_src_set_caps(GST_APP_SRC(pictures_.get()), caps.get());
  gst_video_info_from_caps(&format_, caps.get());
  if (sound_entry_) gst_app_src_set_caps(GST_APP_SRC(sound_entry_.get()), sound_->caps());
  if (plan_.is_mp4) {
    const Handle<GstElement> mux(gst_bin_get_by_name(bin, "mux"));
    const Handle<GstPad> video(gst_element_get_static_pad(mux.get(), "video_0"));
    g_object_set(video.get(), "trak-timescale", static_cast<guint>(plan_.ticks_per_second), nullptr);
    g_object_set(mux.get(), "movie-timescale", static_cast<guint>(plan_.ticks_per_second), nullptr);
    for (const char* pad : {"video_0", "audio_0"}) watch_end(mux.get(), pad);
  }
  watch_pictures();

  pool_.reset(gst_buffer_pool_new());
  GstStructure* config = gst_buffer_pool_get_config(pool_.get());
  gst_buffer_pool_config_set_params(config, caps.get(), static_cast<guint>(GST_VIDEO_INFO_SIZE(&format_)), 1, 0);
  gst_buffer_pool_set_config(pool_.get(), config);
  gst_buffer_pool_set_active(pool_.get(), TRUE);
}

void VideoSink::watch_pictures() {
  const Handle<GstPad> out(gst_element_get_static_pad(pictures_.get(), "src"));
  gst_pad_add_probe(
      out.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo*, gpointer data) {
        auto* self = static_cast<VideoSink*>(data);
        const std::lock_guard lock(self->mutex_);
        ++self->taken_;
        self->taken_changed_.notify_one();
        return GST_PAD_PROBE_OK;
      },
      this, nullptr);
}

/// Makes sure, once every stream is written, that the index can be.
void VideoSink::watch_end(GstElement* mux, const char* pad) {
  const Handle<GstPad> entry(gst_element_get_static_pad(mux, pad));
  if (!entry) return;
  ++streams_left_;
  gst_pad_add_probe(
      entry.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad*, GstPadProbeInfo* info, gpointer data) {
        auto* self = static_cast<VideoSink*>(data);
        if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_EOS) return GST_PAD_PROBE_OK;
        const bool last = --self->streams_left_ == 0;
        return last && !self->reserve_index() ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
      },
      this, nullptr);
}

/// Completing an mp4 replaces the fragments' headers by one index; were there no
/// room for it half way, nothing could be played any more. So where there is none, the fragments stay.
bool VideoSink::reserve_index() {
  constexpr std::uint64_t kHeaders = 65'536;
  constexpr std::uint64_t kSample = 64;  // the tables of a sample need 36 bytes at most
  // Sound that is transcoded comes out in other packets than it went in, but in no more than a hundred a second.
  const auto sound = sound_packets_ + static_cast<std::uint64_t>(last_pts_ / std::chrono::milliseconds(10));
  if (reserve_disk(path_, kHeaders + kSample * (written_ + sound))) return true;
  gst_element_message_full(pipeline_.get(), GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
                           nullptr, nullptr, __FILE__, static_cast<const char*>(__func__), __LINE__);
  return false;
}

void VideoSink::open() {
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE) return;
  bus_->read();
  Error error =
      bus_->error() ? *bus_->error() : Error(ErrorCode::kBackend, "the encoder of " + path_ + " does not start");
  shut_down();
  throw Error(std::move(error));
}

std::optional<Error> VideoSink::write(const Picture& picture, Pts pts, std::uint64_t /*id*/) {
  if (error_) return error_;
  if (finished_) return Error(ErrorCode::kInvalidArgument, path_ + " is complete; a picture came after finish()");
  error_ = check_size(picture, width_, height_);
  if (error_) return error_;
  const Pts at = place(pts);
  feed_sound(at + frame_length_);
  bridge_silence(at - kSoundLag);
  error_ = await_room();
  if (error_) return error_;
  Handle<GstBuffer> buffer = convert(picture, at);
  if (!buffer) return error_ = Error(ErrorCode::kOutOfMemory, "no memory for a picture on its way to " + path_);
  if (waiting_) push_waiting(at - last_pts_);
  waiting_ = std::move(buffer);
  last_pts_ = at;
  ++written_;
  return std::nullopt;
}

void VideoSink::push_waiting(Pts length) {
  GST_BUFFER_DURATION(waiting_.get()) = static_cast<GstClockTime>(length.count());
  last_length_ = length;
  ++pushed_;
  gst_app_src_push_buffer(GST_APP_SRC(pictures_.get()), waiting_.release());
}

/// Waits until the encoder takes pictures again, looking out for errors.
std::optional<Error> VideoSink::await_room() {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    if (auto problem = failure()) return problem;
    std::unique_lock lock(mutex_);
    if (taken_changed_.wait_for(lock, kPoll, [this] { return pushed_ - taken_ < kWaiting; })) return std::nullopt;
    if (std::chrono::steady_clock::now() > give_up) {
      return Error(ErrorCode::kIo, "writing " + path_ + " stands still: no picture was taken for 60 s");
    }
  }
}

std::optional<Error> VideoSink::failure() {
  bus_->read();
  if (!bus_->error()) return std::nullopt;
  const Error& error = *bus_->error();
  if (error.code() != ErrorCode::kIo || written_ == 0) return error;
  return Error(error.code(), error.message(),
               error.hint() + (error.hint().empty() ? "" : "; ") + "what the file holds up to there can be played");
}

/// The time at which the file can show the picture: never before 0, and a tick after the one before it.
Pts VideoSink::place(Pts pts) {
  const Pts tick((1'000'000'000 + plan_.ticks_per_second - 1) / plan_.ticks_per_second);
  const Pts least = written_ == 0 ? Pts(0) : last_pts_ + tick;
  if (pts >= least) return pts;
  // Times closer than a tick but not equal, as a finer medium has them, are moved too, but not worth a word.
  if (written_ > 0 && pts <= last_pts_) ++moved_;
  return least;
}

Handle<GstBuffer> VideoSink::convert(const Picture& picture, Pts pts) {
  GstBuffer* raw = nullptr;
  if (gst_buffer_pool_acquire_buffer(pool_.get(), &raw, nullptr) != GST_FLOW_OK) return nullptr;
  Handle<GstBuffer> buffer(raw);
  GstMapInfo map;
  if (gst_buffer_map(raw, &map, GST_MAP_WRITE) == FALSE) return nullptr;
  paint(picture, map.data);
  gst_buffer_unmap(raw, &map);
  GST_BUFFER_PTS(raw) = static_cast<GstClockTime>(pts.count());
  GST_BUFFER_DTS(raw) = GST_CLOCK_TIME_NONE;
  return buffer;
}

void VideoSink::paint(const Picture& picture, std::uint8_t* memory) {
  const std::byte* rgb = picture.bytes().data();
  if (picture.format() != PixelFormat::kRgb8) {
    rgb_.resize(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_) * 3);
    to_rgb8(picture, rgb_);
    rgb = rgb_.data();
  }
  const auto plane = [&](guint i) { return memory + GST_VIDEO_INFO_PLANE_OFFSET(&format_, i); };
  const auto stride = [&](guint i) { return static_cast<std::size_t>(GST_VIDEO_INFO_PLANE_STRIDE(&format_, i)); };
  if (GST_VIDEO_INFO_IS_RGB(&format_)) {
    const std::size_t row = static_cast<std::size_t>(width_) * 3;
    for (std::size_t y = 0; y < static_cast<std::size_t>(height_); ++y) {
      std::memcpy(plane(0) + y * stride(0), rgb + y * row, row);
    }
    return;
  }
  const int shift = GST_VIDEO_INFO_FORMAT(&format_) == GST_VIDEO_FORMAT_I420 ? 1 : 0;
  to_yuv_.convert(reinterpret_cast<const std::uint8_t*>(rgb),
                  {{plane(0), plane(1), plane(2)}, {stride(0), stride(1), stride(2)}, width_, height_, shift, shift});
}

/// Gives the sound that begins before `until`.
void VideoSink::feed_sound(Pts until) {
  if (!sound_entry_ || sound_ended_) return;
  while (Handle<GstBuffer> packet = sound_->take(until)) {
    ++sound_packets_;
    gst_app_src_push_buffer(GST_APP_SRC(sound_entry_.get()), packet.release());
  }
  if (sound_->at_end()) end_sound();
}

/// Where no sound came for long, says so: the file's pictures would wait for it in memory.
void VideoSink::bridge_silence(Pts until) {
  if (!sound_entry_ || sound_ended_) return;
  const Pts from = std::max(sound_->end_time(), sound_until_);
  if (from >= until) return;
  sound_until_ = until;
  gst_element_send_event(sound_entry_.get(), gst_event_new_gap(static_cast<GstClockTime>(from.count()),
                                                               static_cast<GstClockTime>((until - from).count())));
}

void VideoSink::end_sound() {
  if (sound_entry_ && !sound_ended_) gst_app_src_end_of_stream(GST_APP_SRC(sound_entry_.get()));
  sound_ended_ = true;
}

std::optional<Error> VideoSink::finish() {
  if (finished_) return error_;
  finished_ = true;
  bus_->read();
  if (!bus_->error()) {
    auto problem = complete_file();
    if (!error_) error_ = std::move(problem);
  }
  shut_down();
  if (plan_.is_mp4) release_disk(path_);
  if (moved_ > 0) {
    plan_.notes.push_back(std::to_string(moved_) + " pictures came with the time of the one before and were moved");
  }
  return error_;
}

/// Lets everything through to the file and waits for its end.
std::optional<Error> VideoSink::complete_file() {
  if (written_ == 0) {
    shut_down();
    std::error_code ignored;
    if (fs::is_regular_file(path_, ignored)) fs::remove(path_, ignored);
    plan_.notes.push_back("no picture came, so " + path_ + " was not made");
    return std::nullopt;
  }
  const Pts length = frame_length_.count() > 0 ? frame_length_ : last_length_.count() > 0 ? last_length_ : kUsualLength;
  push_waiting(length);
  // Of a source that was not read to its end, the sound ends with the last picture.
  feed_sound(sound_ && sound_->complete() ? kForever : last_pts_ + length);
  end_sound();
  gst_app_src_end_of_stream(GST_APP_SRC(pictures_.get()));
  return await_end();
}

/// Waits as long as the file grows.
std::optional<Error> VideoSink::await_end() {
  std::uintmax_t size = 0;
  auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (!bus_->at_end() && !bus_->error() && std::chrono::steady_clock::now() < give_up) {
    bus_->read(kPoll);
    std::error_code ignored;
    const std::uintmax_t now = fs::file_size(path_, ignored);
    if (!ignored && now != size) give_up = std::chrono::steady_clock::now() + kPatience;
    size = now;
  }
  if (bus_->error()) return failure();
  if (bus_->at_end()) return std::nullopt;
  return Error(ErrorCode::kIo, "completing " + path_ + " stands still: nothing was written for 60 s");
}

void VideoSink::shut_down() noexcept {
  if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  if (pool_) gst_buffer_pool_set_active(pool_.get(), FALSE);
}

}  // namespace comfystream::media::gstreamer
