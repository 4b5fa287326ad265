// SPDX-License-Identifier: Apache-2.0
#include "python/bindings/device_pictures.hpp"

#include "comfystream/error.hpp"
#include "python/bindings/dlpack.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include <nanobind/stl/shared_ptr.h>

namespace comfystream::python {
namespace {

namespace nb = nanobind;
using nb::literals::operator""_a;

std::string shape_text(const dlpack::Tensor& tensor) {
  std::string text;
  for (int i = 0; i < tensor.ndim; ++i) text += (i == 0 ? "" : ", ") + std::to_string(tensor.shape[i]);
  return "[" + text + "]";
}

bool without_gaps(const dlpack::Tensor& tensor) {
  if (tensor.strides == nullptr) return true;
  std::int64_t dense = 1;
  for (int i = tensor.ndim - 1; i >= 0; --i) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != dense) return false;
    dense *= tensor.shape[i];
  }
  return true;
}

PixelFormat format_of(const dlpack::Tensor& tensor) {
  const dlpack::DataType type = tensor.dtype;
  if (type.lanes == 1 && type.code == dlpack::kUInt && type.bits == 8) return PixelFormat::kRgb8;
  if (type.lanes == 1 && type.code == dlpack::kFloat && type.bits == 32) return PixelFormat::kRgbF32;
  throw Error(ErrorCode::kInvalidArgument, "an array whose elements are neither uint8 nor float32",
              "convert it: float32 in 0..1, or uint8");
}

const dlpack::Tensor& tensor_of(nb::handle capsule) {
  void* memory = PyCapsule_GetPointer(capsule.ptr(), dlpack::kCapsule);
  if (memory == nullptr) {
    PyErr_Clear();
    throw Error(ErrorCode::kInvalidArgument, "no DLPack capsule, or one that has been used");
  }
  return static_cast<dlpack::ManagedTensor*>(memory)->tensor;
}

/// Its index of the height; the array is [H, W, 3] or [1, H, W, 3] without gaps, or Error.
int check_layout(const dlpack::Tensor& tensor) {
  const int extra = tensor.ndim == 4 ? 1 : 0;
  const bool fits = (tensor.ndim == 3 || (tensor.ndim == 4 && tensor.shape[0] == 1)) && tensor.shape[extra + 2] == 3 &&
                    tensor.shape[extra] > 0 && tensor.shape[extra + 1] > 0;
  if (!fits) {
    throw Error(ErrorCode::kInvalidArgument, "an array of shape " + shape_text(tensor),
                "a frame is [height, width, 3] or [1, height, width, 3]");
  }
  if (!without_gaps(tensor)) {
    throw Error(ErrorCode::kInvalidArgument, "an array of shape " + shape_text(tensor) + " whose rows have gaps",
                "give frame.contiguous()");
  }
  return extra;
}

std::uintptr_t stream_of(const nb::object& stream) {
  constexpr std::uintptr_t kLegacyDefault = 1;
  if (stream.is_none()) return kLegacyDefault;
  const auto number = nb::cast<std::int64_t>(stream);
  return number < 0 ? DeviceMemory::kAnyStream : static_cast<std::uintptr_t>(number);
}

/// What a capsule that leaves holds.
struct Leaving {
  explicit Leaving(Picture&& from) : picture(std::move(from)), shape{picture.height(), picture.width(), 3} {
    const bool bytes = picture.format() == PixelFormat::kRgb8;
    managed.tensor = {picture.address(),
                      {dlpack::kCuda, picture.device()->device()},
                      3,
                      {bytes ? dlpack::kUInt : dlpack::kFloat, static_cast<std::uint8_t>(bytes ? 8 : 32), 1},
                      shape.data(),
                      nullptr,
                      0};
    managed.manager_ctx = this;
    managed.deleter = [](dlpack::ManagedTensor* self) { delete static_cast<Leaving*>(self->manager_ctx); };
  }

  Picture picture;
  std::array<std::int64_t, 3> shape;
  dlpack::ManagedTensor managed{};
};

void drop_unused(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, dlpack::kCapsule) == 0) return;
  auto* managed = static_cast<dlpack::ManagedTensor*>(PyCapsule_GetPointer(capsule, dlpack::kCapsule));
  managed->deleter(managed);
}

}  // namespace

LentPicture::LentPicture(nb::handle array, nb::handle capsule, const std::shared_ptr<DeviceGate>& gate) {
  const dlpack::Tensor& tensor = tensor_of(capsule);
  const int at = check_layout(tensor);
  const PixelFormat format = format_of(tensor);
  const auto height = static_cast<int>(tensor.shape[at]);
  const auto width = static_cast<int>(tensor.shape[at + 1]);
  auto* memory = static_cast<std::byte*>(tensor.data) + tensor.byte_offset;
  batched_ = at == 1;
  // The capsule, never renamed, gives the memory back when it goes.
  auto loan = std::make_shared<Loan>(nb::make_tuple(array, capsule).release().ptr(), nullptr);
  loan_ = loan;
  const dlpack::Device device = tensor.device;
  if (device.type == dlpack::kCpu || device.type == dlpack::kCudaHost) {
    picture_ = Picture(format, width, height, memory, std::move(loan));
    return;
  }
  const bool reached = (device.type == dlpack::kCuda || device.type == dlpack::kCudaManaged) && gate != nullptr;
  if (!reached) {
    loan->recycle(memory);
    throw Error(ErrorCode::kUnsupported, "an array on a device that this build does not reach",
                "bring it to host memory first");
  }
  picture_ = gate->lend(format, width, height, memory, device.id, std::move(loan));
}

Picture LentPicture::take(std::shared_ptr<Keepsakes> keepsakes) {
  const std::shared_ptr<Loan> loan = loan_.lock();
  if (picture_.empty() || !loan) throw Error(ErrorCode::kInvalidArgument, "a picture that has been submitted");
  loan->keep_at(std::move(keepsakes));
  return std::exchange(picture_, Picture());
}

nb::object LeavingPicture::dlpack(const nb::object& stream) {
  if (picture_.empty()) throw nb::buffer_error("the picture has been taken");
  picture_.device()->used_on(stream_of(stream));
  auto leaving = std::make_unique<Leaving>(std::move(picture_));
  PyObject* capsule = PyCapsule_New(&leaving->managed, dlpack::kCapsule, &drop_unused);
  if (capsule == nullptr) throw nb::python_error();
  (void)leaving.release();  // the capsule has it
  return nb::steal(capsule);
}

nb::object from_device(Picture&& picture) {
  const auto* loan = dynamic_cast<const Loan*>(picture.device()->lender());
  if (loan != nullptr) return nb::borrow(PyTuple_GetItem(loan->object(), 0));
  return nb::cast(LeavingPicture(std::move(picture)));
}

void register_device_pictures(nb::module_& module) {
  nb::class_<DeviceGate>(module, "DeviceGate", "Where arrays on cards come in.")
      .def("stream", &DeviceGate::stream, "device"_a);
  module.def("device_gate", &make_device_gate);
  nb::class_<LentPicture>(module, "LentPicture", "An array that its library lends to the core.")
      .def(nb::init<nb::handle, nb::handle, const std::shared_ptr<DeviceGate>&>(), "array"_a, "capsule"_a,
           "gate"_a = nb::none())
      .def_prop_ro("width", &LentPicture::width)
      .def_prop_ro("height", &LentPicture::height)
      .def_prop_ro("pixels", &LentPicture::pixels)
      .def_prop_ro("batched", &LentPicture::batched);
  nb::class_<LeavingPicture>(module, "LeavingPicture", "A picture [H, W, 3] on a card, for one from_dlpack().")
      .def(
          "__dlpack__",
          [](LeavingPicture& self, const nb::object& stream, const nb::object& /*max_version*/,
             const nb::object& /*dl_device*/, const nb::object& /*copy*/) { return self.dlpack(stream); },
          nb::kw_only(), "stream"_a = nb::none(), "max_version"_a = nb::none(), "dl_device"_a = nb::none(),
          "copy"_a = nb::none())
      .def("__dlpack_device__", &LeavingPicture::device);
}

}  // namespace comfystream::python
