// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/runtime.hpp"

#include "comfystream/error.hpp"
#include "comfystream/media/gstreamer/handles.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <gst/gst.h>

namespace comfystream::media::gstreamer {
namespace {

struct Provider {
  std::string_view element;
  std::string_view package;  // as Debian 12 and Ubuntu 24.04 both name it
};

constexpr std::string_view kBase = "gstreamer1.0-plugins-base";
constexpr std::string_view kGood = "gstreamer1.0-plugins-good";
constexpr std::string_view kUgly = "gstreamer1.0-plugins-ugly";
constexpr std::string_view kBad = "gstreamer1.0-plugins-bad";
constexpr std::string_view kLibav = "gstreamer1.0-libav";

constexpr std::array kProviders{Provider{"filesink", "libgstreamer1.0-0"},
                                Provider{"queue", "libgstreamer1.0-0"},
                                Provider{"appsrc", kBase},
                                Provider{"appsink", kBase},
                                Provider{"uridecodebin", kBase},
                                Provider{"decodebin", kBase},
                                Provider{"videoconvert", kBase},
                                Provider{"audioconvert", kBase},
                                Provider{"audioresample", kBase},
                                Provider{"opusenc", kBase},
                                Provider{"videoflip", kGood},
                                Provider{"mp4mux", kGood},
                                Provider{"qtmux", kGood},
                                Provider{"matroskamux", kGood},
                                Provider{"webmmux", kGood},
                                Provider{"vp8enc", kGood},
                                Provider{"vp9enc", kGood},
                                Provider{"v4l2src", kGood},
                                Provider{"rtspsrc", kGood},
                                Provider{"souphttpsrc", kGood},
                                Provider{"x264enc", kUgly},
                                Provider{"openh264enc", kBad},
                                Provider{"avenc_ffv1", kLibav},
                                Provider{"avenc_aac", kLibav},
                                Provider{"avenc_mpeg4", kLibav}};

}  // namespace

void start() {
  GError* failure = nullptr;
  if (gst_init_check(nullptr, nullptr, &failure) == FALSE) {
    const ErrorHandle owned(failure);
    throw Error(ErrorCode::kBackend,
                std::string("GStreamer cannot start: ") + (failure ? failure->message : "unknown"));
  }
}

bool has_element(const char* name) noexcept {
  const Handle<GstElementFactory> factory(gst_element_factory_find(name));
  return factory != nullptr;
}

void require_element(const char* name) {
  if (has_element(name)) return;
  const auto* const known =
      std::find_if(kProviders.begin(), kProviders.end(), [&](const Provider& p) { return p.element == name; });
  throw Error(ErrorCode::kUnsupported, std::string("GStreamer has no element \"") + name + "\"",
              known == kProviders.end() ? "install the GStreamer plugin package that has it"
                                        : "apt-get install " + std::string(known->package));
}

}  // namespace comfystream::media::gstreamer
