// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/bus_reader.hpp"

#include <gst/pbutils/missing-plugins.h>

namespace comfystream::media::gstreamer {

void BusReader::read(std::chrono::milliseconds timeout) {
  constexpr auto kWanted =
      static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_WARNING | GST_MESSAGE_ELEMENT);
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const bool decided = error_ || at_end_;
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - std::chrono::steady_clock::now());
    const GstClockTime wait = decided || left.count() < 0 ? 0 : static_cast<GstClockTime>(left.count());
    const Handle<GstMessage> message(gst_bus_timed_pop_filtered(bus_.get(), wait, kWanted));
    if (!message) return;
    take(message.get());
  }
}

void BusReader::take(GstMessage* message) {
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_EOS:
      at_end_ = true;
      break;
    case GST_MESSAGE_ERROR: {
      GError* failure = nullptr;
      gst_message_parse_error(message, &failure, nullptr);
      const ErrorHandle owned(failure);
      if (!error_)
        error_ = missing_.empty() ? to_error(*failure, direction_, subject_) : missing_codec(missing_, subject_);
      break;
    }
    case GST_MESSAGE_WARNING: {
      GError* failure = nullptr;
      gst_message_parse_warning(message, &failure, nullptr);
      const ErrorHandle owned(failure);
      if (warnings_++ == 0) first_warning_ = failure->message;
      break;
    }
    default:
      if (gst_is_missing_plugin_message(message) == TRUE) {
        if (!missing_.empty()) missing_ += ", ";
        missing_ += take_text(gst_missing_plugin_message_get_description(message));
      }
  }
}

}  // namespace comfystream::media::gstreamer
