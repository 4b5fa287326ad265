// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/error_tap.hpp"

#include "comfystream/media/gstreamer/errors.hpp"

#include <utility>

namespace comfystream::media::gstreamer {
namespace {

bool is_demuxer(GstElement* element) {
  GstElementFactory* factory = gst_element_get_factory(element);
  return factory != nullptr && gst_element_factory_list_is_type(factory, GST_ELEMENT_FACTORY_TYPE_DEMUXER) == TRUE;
}

}  // namespace

ErrorTap::ErrorTap(GstElement* pipeline, std::string subject) : subject_(std::move(subject)) {
  g_signal_connect(pipeline, "deep-element-added",
                   G_CALLBACK(+[](GstBin*, GstBin*, GstElement* element, gpointer self) {
                     if (is_demuxer(element)) static_cast<ErrorTap*>(self)->listen(element);
                   }),
                   this);
}

/// Puts a bus of our own between the element and its bin, which passes everything on.
void ErrorTap::listen(GstElement* element) {
  struct Way {
    ErrorTap* self;
    Handle<GstBus> on;
  };
  Handle<GstBus> on(gst_element_get_bus(element));
  if (!on) return;
  const Handle<GstBus> tap(gst_bus_new());
  gst_bus_set_sync_handler(
      tap.get(),
      [](GstBus*, GstMessage* message, gpointer data) {
        const auto* way = static_cast<Way*>(data);
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) way->self->take(message);
        gst_bus_post(way->on.get(), message);
        return GST_BUS_DROP;
      },
      new Way{this, std::move(on)}, [](gpointer data) { delete static_cast<Way*>(data); });
  gst_element_set_bus(element, tap.get());
}

void ErrorTap::take(GstMessage* message) {
  GError* failure = nullptr;
  gst_message_parse_error(message, &failure, nullptr);
  const ErrorHandle owned(failure);
  const std::lock_guard lock(mutex_);
  if (!heard_) heard_ = to_error(*failure, Direction::kReading, subject_);
}

std::optional<Error> ErrorTap::heard() const {
  const std::lock_guard lock(mutex_);
  return heard_;
}

}  // namespace comfystream::media::gstreamer
