// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/pictures.hpp"

#include "comfystream/error.hpp"

#include <cstdint>
#include <string>
#include <utility>

#include <nanobind/ndarray.h>

namespace comfystream::python {
namespace {

namespace nb = nanobind;

using AnyArray = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

std::string shape_text(const AnyArray& array) {
  std::string text;
  for (std::size_t i = 0; i < array.ndim(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(array.shape(i));
  return "[" + text + "]";
}

PixelFormat format_of(const AnyArray& array) {
  if (array.dtype() == nb::dtype<std::uint8_t>()) return PixelFormat::kRgb8;
  if (array.dtype() == nb::dtype<float>()) return PixelFormat::kRgbF32;
  throw Error(ErrorCode::kInvalidArgument, "an array whose elements are neither uint8 nor float32",
              "convert it: float32 in 0..1, or uint8");
}

template <typename Element>
nb::object array_over(Picture&& picture) {
  auto kept = std::make_unique<Picture>(std::move(picture));
  auto* data = reinterpret_cast<Element*>(kept->bytes().data());
  const auto height = static_cast<std::size_t>(kept->height());
  const auto width = static_cast<std::size_t>(kept->width());
  const nb::capsule owner(kept.get(), [](void* memory) noexcept { delete static_cast<Picture*>(memory); });
  (void)kept.release();  // the capsule has it
  return nb::cast(nb::ndarray<nb::numpy, Element>(data, {height, width, 3}, owner));
}

}  // namespace

Keepsakes::~Keepsakes() {
  // Without Python's lock (a picture outlived everything else) the objects are given up rather than touched.
  if (PyGILState_Check() == 1) let_go();
}

void Keepsakes::leave(PyObject* object) noexcept {
  const std::lock_guard lock(mutex_);
  objects_.push_back(object);
}

void Keepsakes::let_go() {
  std::vector<PyObject*> objects;
  {
    const std::lock_guard lock(mutex_);
    objects.swap(objects_);
  }
  // Unlocked: an object's end can run any Python.
  for (PyObject* object : objects) Py_DECREF(object);
}

void Loan::recycle(std::byte* /*memory*/) noexcept {
  if (keepsakes_) {
    keepsakes_->leave(object_);
  } else if (PyGILState_Check() == 1) {
    Py_DECREF(object_);
  }
}

Picture borrow_picture(nb::handle array, std::shared_ptr<Keepsakes> keepsakes) {
  AnyArray view;
  if (!nb::try_cast(array, view, false)) {
    throw Error(ErrorCode::kInvalidArgument, "not an array on the CPU whose rows have no gaps",
                "give numpy.ascontiguousarray(frame), or frame.cpu().contiguous()");
  }
  const std::size_t extra = view.ndim() == 4 ? 1 : 0;
  if ((view.ndim() != 3 && view.ndim() != 4) || (extra == 1 && view.shape(0) != 1) || view.shape(extra + 2) != 3) {
    throw Error(ErrorCode::kInvalidArgument, "an array of shape " + shape_text(view),
                "a frame is [height, width, 3] or [1, height, width, 3]");
  }
  const PixelFormat format = format_of(view);
  auto* memory = static_cast<std::byte*>(const_cast<void*>(view.data()));
  auto loan = std::make_shared<Loan>(array.ptr(), std::move(keepsakes));
  array.inc_ref();
  return {format, static_cast<int>(view.shape(extra + 1)), static_cast<int>(view.shape(extra)), memory,
          std::move(loan)};
}

nb::object to_array(Picture&& picture) {
  if (picture.format() == PixelFormat::kRgb8) return array_over<std::uint8_t>(std::move(picture));
  return array_over<float>(std::move(picture));
}

}  // namespace comfystream::python
