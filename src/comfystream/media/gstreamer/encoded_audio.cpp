// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/encoded_audio.hpp"

#include <algorithm>

namespace comfystream::media::gstreamer {

void EncodedAudio::push(GstSample* sample) {
  GstBuffer* packet = gst_sample_get_buffer(sample);
  const GstClockTime time =
      gst_segment_to_running_time(gst_sample_get_segment(sample), GST_FORMAT_TIME, GST_BUFFER_PTS(packet));
  if (!GST_CLOCK_TIME_IS_VALID(time)) return;
  const Pts begin(static_cast<Pts::rep>(time));
  Handle<GstBuffer> copy(gst_buffer_copy(packet));  // shares the packet's memory

  const std::lock_guard lock(mutex_);
  if (!GST_BUFFER_DURATION_IS_VALID(packet) && begin > last_begin_) {
    GST_BUFFER_DURATION(copy.get()) = static_cast<GstClockTime>((begin - last_begin_).count());
  }
  last_begin_ = begin;
  const bool has_length = GST_BUFFER_DURATION_IS_VALID(copy.get());
  end_time_ = std::max(end_time_, begin + Pts(has_length ? static_cast<Pts::rep>(GST_BUFFER_DURATION(copy.get())) : 0));
  GST_BUFFER_PTS(copy.get()) = time;
  GST_BUFFER_DTS(copy.get()) = GST_CLOCK_TIME_NONE;
  packets_.push_back(std::move(copy));
}

void EncodedAudio::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
}

void EncodedAudio::set_complete() {
  const std::lock_guard lock(mutex_);
  complete_ = true;
}

void EncodedAudio::set_origin(Pts origin) {
  const std::lock_guard lock(mutex_);
  origin_ = origin;
}

Handle<GstBuffer> EncodedAudio::take(Pts until) {
  const std::lock_guard lock(mutex_);
  const auto origin = static_cast<GstClockTime>(origin_.count());
  while (!packets_.empty()) {
    GstBuffer* front = packets_.front().get();
    const bool heard = GST_BUFFER_PTS(front) >= origin;
    if (heard && Pts(static_cast<Pts::rep>(GST_BUFFER_PTS(front) - origin)) >= until) return nullptr;
    Handle<GstBuffer> packet = std::move(packets_.front());
    packets_.pop_front();
    if (!heard) continue;
    GST_BUFFER_PTS(packet.get()) -= origin;
    return packet;
  }
  return nullptr;
}

bool EncodedAudio::at_end() const {
  const std::lock_guard lock(mutex_);
  return ended_ && packets_.empty();
}

bool EncodedAudio::complete() const {
  const std::lock_guard lock(mutex_);
  return complete_;
}

Pts EncodedAudio::end_time() const {
  const std::lock_guard lock(mutex_);
  return end_time_ - origin_;
}

}  // namespace comfystream::media::gstreamer
