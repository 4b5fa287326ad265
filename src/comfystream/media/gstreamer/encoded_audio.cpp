// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/encoded_audio.hpp"

#include <algorithm>
#include <utility>

namespace comfystream::media::gstreamer {

void EncodedAudio::push(GstSample* sample) {
  GstBuffer* packet = gst_sample_get_buffer(sample);
  const GstSegment* segment = gst_sample_get_segment(sample);
  const GstClockTime time = gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(packet));
  // Packets before the segment only prepare the decoder (AAC priming behind an edit list): they are not heard.
  if (!GST_CLOCK_TIME_IS_VALID(time)) return;
  const Pts begin(static_cast<Pts::rep>(time));
  const Pts length(GST_BUFFER_DURATION_IS_VALID(packet) ? static_cast<Pts::rep>(GST_BUFFER_DURATION(packet)) : 0);

  const std::lock_guard lock(mutex_);
  end_time_ = std::max(end_time_, begin + length);
  if (!keep_) return;
  Handle<GstBuffer> copy(gst_buffer_copy(packet));  // shares the packet's memory
  GST_BUFFER_PTS(copy.get()) = time;
  GST_BUFFER_DTS(copy.get()) = GST_CLOCK_TIME_NONE;
  packets_.push_back(std::move(copy));
}

void EncodedAudio::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
}

void EncodedAudio::set_origin(Pts origin) {
  const std::lock_guard lock(mutex_);
  origin_ = origin;
}

void EncodedAudio::keep() {
  const std::lock_guard lock(mutex_);
  keep_ = true;
}

Handle<GstBuffer> EncodedAudio::take() {
  const std::lock_guard lock(mutex_);
  const auto origin = static_cast<GstClockTime>(origin_.count());
  while (!packets_.empty()) {
    Handle<GstBuffer> packet = std::move(packets_.front());
    packets_.pop_front();
    if (GST_BUFFER_PTS(packet.get()) < origin) continue;
    GST_BUFFER_PTS(packet.get()) -= origin;
    return packet;
  }
  return nullptr;
}

bool EncodedAudio::at_end() const {
  const std::lock_guard lock(mutex_);
  return ended_ && packets_.empty();
}

Pts EncodedAudio::end_time() const {
  const std::lock_guard lock(mutex_);
  return end_time_;
}

}  // namespace comfystream::media::gstreamer
