// SPDX-License-Identifier: Apache-2.0
// Pictures between DLPack and the core: arrays on a card go in and come out without the host.
#pragma once

#include "comfystream/device.hpp"
#include "python/bindings/pictures.hpp"

#include <memory>
#include <utility>

#include <nanobind/nanobind.h>

namespace comfystream::python {

/// An array that another library lends to the core through a DLPack capsule, until it is submitted and again after one
/// that was refused.
class LentPicture {
 public:
  /// `array` is kept as well, to be given back when the picture comes out as it went in. Error(kInvalidArgument) for
  /// what is no frame, or, with rows on a card, without a gate.
  LentPicture(nanobind::handle array, nanobind::handle capsule, const std::shared_ptr<DeviceGate>& gate);

  /// To be submitted. What the core is done with is left at `keepsakes`. Error when it has been taken.
  [[nodiscard]] Picture take(std::shared_ptr<Keepsakes> keepsakes);
  /// After take(): it was not accepted.
  void put_back(Picture&& picture) noexcept { picture_ = std::move(picture); }

  [[nodiscard]] int width() const noexcept { return picture_.width(); }
  [[nodiscard]] int height() const noexcept { return picture_.height(); }
  [[nodiscard]] const char* pixels() const noexcept {
    return picture_.format() == PixelFormat::kRgb8 ? "uint8" : "float32";
  }
  [[nodiscard]] bool batched() const noexcept { return batched_; }

 private:
  Picture picture_;
  std::weak_ptr<Loan> loan_;
  bool batched_ = false;
};

/// A picture that leaves on a card, for one from_dlpack().
class LeavingPicture {
 public:
  explicit LeavingPicture(Picture&& picture) : picture_(std::move(picture)) {}

  /// A capsule over [H, W, 3], uint8 or float32. The pixels are complete; what the taker queues on `stream` (DLPack's
  /// numbers) until it lets go is waited for before the memory is used again.
  [[nodiscard]] nanobind::object dlpack(const nanobind::object& stream);
  [[nodiscard]] nanobind::tuple device() const { return nanobind::make_tuple(2, device_); }

 private:
  Picture picture_;
  int device_ = picture_.device()->device();
};

/// A result's picture for Python: a LeavingPicture, or the array that was lent where it came back as it went in.
[[nodiscard]] nanobind::object from_device(Picture&& picture);

void register_device_pictures(nanobind::module_& module);

}  // namespace comfystream::python
