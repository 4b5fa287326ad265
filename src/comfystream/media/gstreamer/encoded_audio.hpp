// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "comfystream/media/gstreamer/handles.hpp"
#include "comfystream/media/source.hpp"

namespace comfystream::media::gstreamer {

/// Sound packets between a decoding pipeline, which pushes, and an encoding one, which takes; times are those of the
/// frames. Without a bound: packets are small, and a source runs ahead of its sink by a few frames only, so a bound could
/// do nothing but block the pictures. Thread-safe.
class EncodedAudio final : public AudioTrack {
 public:
  EncodedAudio(Handle<GstCaps> caps, std::string description) : caps_(std::move(caps)), description_(std::move(description)) {}

  [[nodiscard]] std::string description() const override { return description_; }
  [[nodiscard]] GstCaps* caps() const noexcept { return caps_.get(); }

  /// Takes the sample's packet at its running time. Packets are dropped while nobody wants them (see keep()).
  void push(GstSample* sample);
  void end();
  /// Time that is taken off every packet: when the first frame of a live source was shown.
  void set_origin(Pts origin);
  /// From here on packets are kept for take().
  void keep();

  /// The next packet with its pts set, or nothing when none is there now.
  [[nodiscard]] Handle<GstBuffer> take();
  [[nodiscard]] bool at_end() const;
  /// Where the last packet pushed ends.
  [[nodiscard]] Pts end_time() const;

 private:
  Handle<GstCaps> caps_;
  std::string description_;
  mutable std::mutex mutex_;
  std::deque<Handle<GstBuffer>> packets_;
  Pts origin_{0};
  Pts end_time_{0};
  bool keep_ = false;
  bool ended_ = false;
};

}  // namespace comfystream::media::gstreamer
