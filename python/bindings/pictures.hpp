// SPDX-License-Identifier: Apache-2.0
// Pictures between Python's arrays and the core, without copies.
#pragma once

#include "comfystream/frame.hpp"

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>

namespace comfystream::python {

/// Python objects whose memory the core has borrowed and is done with. The core's threads leave them here without
/// taking Python's lock, so that they never wait for Python and can run while the interpreter ends.
class Keepsakes {
 public:
  Keepsakes() = default;
  Keepsakes(const Keepsakes&) = delete;
  Keepsakes& operator=(const Keepsakes&) = delete;
  /// Lets go of what is left, where Python's lock is held.
  ~Keepsakes();

  void leave(PyObject* object) noexcept;
  /// Lets go of them. Python's lock is held.
  void let_go();

 private:
  std::mutex mutex_;
  std::vector<PyObject*> objects_;
};

/// Gives a Python object's memory back by leaving the object.
class Loan final : public PictureRecycler {
 public:
  /// Has the reference to `object`. Without keepsakes it is let go of where the memory comes back, if Python's lock is
  /// held there, else given up.
  Loan(PyObject* object, std::shared_ptr<Keepsakes> keepsakes) : object_(object), keepsakes_(std::move(keepsakes)) {}

  void keep_at(std::shared_ptr<Keepsakes> keepsakes) noexcept { keepsakes_ = std::move(keepsakes); }
  [[nodiscard]] PyObject* object() const noexcept { return object_; }
  void recycle(std::byte* memory) noexcept override;

 private:
  PyObject* object_;
  std::shared_ptr<Keepsakes> keepsakes_;
};

/// A picture in the memory of `array`: [H, W, 3] or [1, H, W, 3], uint8 or float32, rows without gaps, on the CPU. The
/// array is kept until the picture is destroyed, then left at `keepsakes`. Anything else is an Error(kInvalidArgument).
[[nodiscard]] Picture borrow_picture(nanobind::handle array, std::shared_ptr<Keepsakes> keepsakes);

/// A numpy array [H, W, 3] in the picture's memory, which goes back to its pool when the array is collected.
[[nodiscard]] nanobind::object to_array(Picture&& picture);

}  // namespace comfystream::python
