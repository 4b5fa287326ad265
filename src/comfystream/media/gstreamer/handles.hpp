// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include <gst/gst.h>

namespace comfystream::media::gstreamer {

namespace detail {
struct Release {
  void operator()(GstSample* p) const noexcept { gst_sample_unref(p); }
  void operator()(GstBuffer* p) const noexcept { gst_buffer_unref(p); }
  void operator()(GstCaps* p) const noexcept { gst_caps_unref(p); }
  void operator()(GstMessage* p) const noexcept { gst_message_unref(p); }
  void operator()(GError* p) const noexcept { g_error_free(p); }
  void operator()(gchar* p) const noexcept { g_free(p); }
  template <typename Object>
  void operator()(Object* p) const noexcept {
    gst_object_unref(p);
  }
};
}  // namespace detail

/// One reference to a GStreamer object, sample, buffer, caps or message.
template <typename T>
using Handle = std::unique_ptr<T, detail::Release>;
using ErrorHandle = Handle<GError>;

/// A GLib string's text; frees it. Empty for null.
inline std::string take_text(gchar* text) {
  const Handle<gchar> owned(text);
  return text == nullptr ? std::string() : std::string(text);
}

}  // namespace comfystream::media::gstreamer
