// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/media/gstreamer/handles.hpp"
#include "comfystream/media/source.hpp"

#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include <gst/gst.h>

namespace comfystream::media::gstreamer {

/// Sound packets between a decoding pipeline, which pushes, and an encoding one, which takes; times are those of the
/// frames. Without a bound: packets are small, and a source runs ahead of its sink by a few frames only, so a bound
/// could do nothing but block the pictures. Thread-safe.
class EncodedAudio final : public AudioTrack {
 public:
  EncodedAudio(Handle<GstCaps> caps, std::string description)
      : caps_(std::move(caps)), description_(std::move(description)) {}

  [[nodiscard]] std::string description() const override { return description_; }
  [[nodiscard]] GstCaps* caps() const noexcept { return caps_.get(); }

  /// Takes the sample's packet at its running time. Packets before the start of the medium are left out: they only
  /// prepare a decoder and are not heard. A packet without a length gets that of the one before it.
  void push(GstSample* sample);
  /// No packet will come any more.
  void end();
  /// The medium was read to its end, so all packets belong to the output (else only those beside its pictures).
  void set_complete();
  /// Time that is taken off every packet: when the first frame of a live source was shown.
  void set_origin(Pts origin);

  /// The next packet that begins before `until`, its pts set; nothing when there is none now.
  [[nodiscard]] Handle<GstBuffer> take(Pts until);
  [[nodiscard]] bool at_end() const;
  [[nodiscard]] bool complete() const;
  /// Where the last packet pushed ends.
  [[nodiscard]] Pts end_time() const;

 private:
  Handle<GstCaps> caps_;
  std::string description_;
  mutable std::mutex mutex_;
  std::deque<Handle<GstBuffer>> packets_;
  Pts origin_{0};
  Pts last_begin_{0};
  Pts end_time_{0};
  bool ended_ = false;
  bool complete_ = false;
};

}  // namespace comfystream::media::gstreamer
