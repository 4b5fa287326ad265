// SPDX-License-Identifier: Apache-2.0
#include "comfystream/media/gstreamer/encode_plan.hpp"

#include "comfystream/media/gstreamer/runtime.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

namespace comfystream::media::gstreamer {
namespace {

struct Container {
  std::string_view extension;
  const char* mux;
  const char* options;
  const char* sound_encoder;  ///< for sound that cannot be passed through
  const char* sound_name;
  const char* sound_options;
};

/// mp4: a header and fragments of a second first, the index at the end, so that a file that could not be completed can
/// be played up to there. mkv: times in hundredths of a millisecond instead of milliseconds.
constexpr const char* kFragments = "fragment-duration=1000 fragment-mode=first-moov-then-finalise";
constexpr std::array kContainers{
    Container{".mp4", "mp4mux", kFragments, "avenc_aac", "AAC", "bitrate=192000"},
    Container{".m4v", "mp4mux", kFragments, "avenc_aac", "AAC", "bitrate=192000"},
    Container{".mov", "qtmux", kFragments, "avenc_aac", "AAC", "bitrate=192000"},
    Container{".mkv", "matroskamux", "timecodescale=10000 offset-to-zero=false", "opusenc", "Opus", "bitrate=128000"},
    Container{".webm", "webmmux", "offset-to-zero=false", "opusenc", "Opus", "bitrate=128000"},
};
constexpr int kMatroskaTicks = 100'000;
constexpr int kWebmTicks = 1'000;
constexpr int kLeastMp4Side = 16;

struct Encoder {
  const char* element;
  std::string options;
  const char* format;  ///< of the pictures pushed
};

const Container& container_of(const SinkSpec& spec) {
  const std::string extension = extension_of(spec.target);
  const auto* const found = std::find_if(kContainers.begin(), kContainers.end(),
                                         [&](const Container& c) { return c.extension == extension; });
  if (found == kContainers.end()) throw Error(ErrorCode::kInternal, "no container for " + spec.target);
  return *found;
}

/// Frames from one key frame to the next: a second's. An mp4's fragments begin with one, and what does not make a whole
/// fragment is lost when the disk is full.
int key_interval(const std::optional<FrameRate>& rate) {
  constexpr int kMost = 48;
  if (!rate || rate->numerator <= 0) return kMost;
  return std::clamp((rate->numerator + rate->denominator - 1) / rate->denominator, 1, kMost);
}

Encoder choose_encoder(std::string_view mux, bool lossless, const SinkOptions& options) {
  if (lossless) return {"avenc_ffv1", "", "RGB"};
  const int quality = std::clamp(options.quality, 0, 50);
  if (mux == "webmmux") {
    // VP9's scale runs to 63 where x264's crf runs to 51.
    const int level = quality * 63 / 51;
    return {"vp9enc",
            "deadline=1 cpu-used=7 threads=4 row-mt=true lag-in-frames=0 end-usage=cq target-bitrate=0 "
            "keyframe-max-dist=" +
                std::to_string(key_interval(options.rate)) + " min-quantizer=" + std::to_string(level / 2) +
                " max-quantizer=" + std::to_string(level) + " cq-level=" + std::to_string(level),
            "I420"};
  }
  // Half the colour resolution needs even sizes, and H.264 cannot crop an odd one away.
  const bool odd = options.width % 2 != 0 || options.height % 2 != 0;
  return {"x264enc",
          "pass=qual vbv-buf-capacity=0 speed-preset=veryfast bframes=0 key-int-max=" +
              std::to_string(key_interval(options.rate)) + " quantizer=" + std::to_string(quality),
          odd ? "Y444" : "I420"};
}

bool takes(const char* mux, const GstCaps* sound) {
  const Handle<GstElementFactory> factory(gst_element_factory_find(mux));
  return factory && gst_element_factory_can_sink_any_caps(factory.get(), sound) == TRUE;
}

bool can_decode(const GstCaps* sound) {
  GList* decoders = gst_element_factory_list_get_elements(
      GST_ELEMENT_FACTORY_TYPE_DECODER | GST_ELEMENT_FACTORY_TYPE_MEDIA_AUDIO, GST_RANK_MARGINAL);
  GList* fitting = gst_element_factory_list_filter(decoders, sound, GST_PAD_SINK, FALSE);
  const bool found = fitting != nullptr;
  gst_plugin_feature_list_free(fitting);
  gst_plugin_feature_list_free(decoders);
  return found;
}

bool is_raw(const GstCaps* sound) {
  return gst_structure_has_name(gst_caps_get_structure(sound, 0), "audio/x-raw") == TRUE;
}

void add_sound(EncodePlan& plan, const Container& container, const EncodedAudio& sound) {
  std::string chain = "appsrc name=sound format=time max-bytes=0 max-time=0 max-buffers=0 block=false ! ";
  // Raw sound in mp4 must come without the smallest gap, which a medium need not keep.
  if (!takes(container.mux, sound.caps()) || (plan.is_mp4 && is_raw(sound.caps()))) {
    if (!is_raw(sound.caps()) && !can_decode(sound.caps())) {
      throw Error(ErrorCode::kUnsupported,
                  "the sound (" + sound.description() + ") fits no " + std::string(container.extension) +
                      " file, and there is no decoder for it",
                  "write to .mkv, or apt-get install gstreamer1.0-libav gstreamer1.0-plugins-bad");
    }
    for (const char* name : {"decodebin", "audioconvert", "audioresample", container.sound_encoder}) {
      plan.elements.emplace_back(name);
    }
    chain += std::string("decodebin ! audioconvert ! audioresample ! ") + container.sound_encoder + " " +
             container.sound_options + " ! ";
    plan.notes.push_back("sound transcoded from " + sound.description() + " to " + container.sound_name);
  }
  plan.launch += " " + chain + "queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! mux.audio_0";
}

}  // namespace

int mp4_ticks_per_second(const std::optional<FrameRate>& rate) {
  constexpr int kEnough = 90'000;             // video's usual clock: a multiple of 24, 25, 30, 60 and 1000
  constexpr std::int64_t kMost = 10'000'000;  // a gap of 7 minutes between two frames still fits into 32 bits
  if (!rate) return kEnough;
  for (const std::int64_t other : {std::int64_t{kEnough}, std::int64_t{1'000}, std::int64_t{1}}) {
    const std::int64_t both = std::lcm(other, static_cast<std::int64_t>(rate->numerator));
    if (both <= kMost && both >= 1'000) return static_cast<int>(both);
  }
  return kEnough;
}

EncodePlan plan_encoding(const SinkSpec& spec, const SinkOptions& options, const EncodedAudio* sound) {
  const Container& container = container_of(spec);
  const std::string_view mux = container.mux;
  const bool lossless = spec.lossless || options.lossless;
  if (lossless && mux != "matroskamux") {
    throw Error(ErrorCode::kUnsupported, spec.target + " cannot be written without loss",
                "end the output with .mkv?lossless, or give a folder for PNGs");
  }
  EncodePlan plan;
  plan.is_mp4 = mux == "mp4mux" || mux == "qtmux";
  if (plan.is_mp4 && std::min(options.width, options.height) < kLeastMp4Side) {
    throw Error(ErrorCode::kUnsupported, spec.target + ": mp4 holds no pictures below 16x16", "write to .mkv or .webm");
  }
  plan.ticks_per_second = plan.is_mp4            ? mp4_ticks_per_second(options.rate)
                          : mux == "matroskamux" ? kMatroskaTicks
                                                 : kWebmTicks;
  const Encoder encoder = choose_encoder(mux, lossless, options);
  const std::string_view format = encoder.format;
  const FrameRate rate = options.rate.value_or(FrameRate{0, 1});
  plan.caps = std::string("video/x-raw,format=") + encoder.format + ",width=" + std::to_string(options.width) +
              ",height=" + std::to_string(options.height) + ",framerate=" + std::to_string(rate.numerator) + "/" +
              std::to_string(rate.denominator) + (format == "RGB" ? "" : ",colorimetry=bt709");
  if (format == "Y444") {
    plan.notes.push_back(
        "an odd size is kept by writing colour at full resolution (H.264 High 4:4:4), which some "
        "players cannot show; .webm or an even --size avoids it");
  }
  plan.elements = {"appsrc", "videoconvert", "queue", "filesink", encoder.element, container.mux};
  // Bounded before the encoder by the sink itself. Behind it packets may wait for the sound that belongs before them,
  // as much as they need: a bound there could block pictures whose sound comes later in the source.
  plan.launch = std::string("appsrc name=pictures format=time max-bytes=0 max-time=0 max-buffers=0 block=false ! ") +
                (format == "RGB" ? "videoconvert qos=false ! video/x-raw,format=BGRx ! " : "") + encoder.element + " " +
                encoder.options + " ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! mux.video_0 " +
                container.mux + " name=mux " + container.options + " ! filesink name=file";
  if (sound != nullptr) add_sound(plan, container, *sound);
  return plan;
}

}  // namespace comfystream::media::gstreamer
