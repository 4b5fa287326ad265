// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/registry.hpp"

#include "comfystream/backend/reference/reference_backend.hpp"
#include "comfystream/backend/shared_backend.hpp"
#include "comfystream/error.hpp"

#include <algorithm>
#include <functional>
#ifdef COMFYSTREAM_WITH_OPENVINO
#include "comfystream/backend/openvino/openvino_backend.hpp"
#endif
#ifdef COMFYSTREAM_WITH_CUDA
#include "comfystream/backend/cuda/cuda_backend.hpp"
#include "comfystream/backend/cuda/device_gate.hpp"
#endif

namespace comfystream::backend {
namespace {

struct Entry {
  std::string name;
  std::function<std::unique_ptr<Backend>(int, DType)> make;  // on a device; empty when this build does not hold it
  std::string fix;                                           // what puts it into a build
  std::vector<DType> precisions{DType::kF32};                // the one it takes by itself first

  [[nodiscard]] std::unique_ptr<Backend> make_plainly() const { return make(0, precisions.front()); }
};

// Best first.
std::vector<Entry> entries() {
  std::vector<Entry> all{{"cuda",
                          {},
                          "configure with -DCOMFYSTREAM_CUDA=ON on a machine with the CUDA toolkit",
                          {DType::kF16, DType::kBF16}},
                         {"openvino", {}, "install the openvino wheel and configure again, or run ./run --build-only"},
                         {"reference", [](int, DType) { return make_reference_backend(); }, {}}};
#ifdef COMFYSTREAM_WITH_CUDA
  all[0].make = [](int device, DType precision) {
    return make_cuda_backend({.device = device, .precision = precision});
  };
#endif
#ifdef COMFYSTREAM_WITH_OPENVINO
  all[1].make = [](int, DType) { return make_openvino_backend(); };
#endif
  return all;
}

BackendStatus status_of(const Entry& entry) {
  if (!entry.make) return {entry.name, false, "not in this build; " + entry.fix};
  BackendStatus status{entry.name, false, {}};
  try {
    std::string reasons;
    for (const auto& device : entry.make_plainly()->devices()) {
      const bool usable = device.available.empty();
      std::string& text = usable ? status.detail : reasons;
      text += (text.empty() ? "" : ", ") + device.name + (usable ? "" : ": " + device.available);
      status.available = status.available || usable;
    }
    if (!status.available) status.detail = reasons.empty() ? "no device found" : reasons;
  } catch (const std::exception& error) {
    status = {entry.name, false, error.what()};
  }
  return status;
}

std::unique_ptr<Backend> make_on(const Entry& entry, std::span<const int> devices, DType precision) {
  const auto known = entry.make_plainly()->devices();
  std::vector<std::unique_ptr<Backend>> backends;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const int device = devices[i];
    const std::string which = "device " + std::to_string(device) + " of backend " + entry.name;
    if (device < 0 || static_cast<std::size_t>(device) >= known.size()) {
      throw Error(ErrorCode::kInvalidArgument, "there is no " + which,
                  "it has " + std::to_string(known.size()) + ", counted from 0: comfystream doctor lists them");
    }
    if (std::ranges::count(devices, device) > 1) {
      throw Error(ErrorCode::kInvalidArgument, which + " is named more than once");
    }
    const DeviceInfo& info = known[static_cast<std::size_t>(device)];
    if (!info.available.empty()) {
      throw Error(ErrorCode::kUnsupported, which + ", " + info.name + ", cannot be used: " + info.available);
    }
    backends.push_back(entry.make(device, precision));
  }
  return backends.size() == 1 ? std::move(backends.front()) : share_backends(std::move(backends));
}

DType precision_of(const Entry& entry, std::optional<DType> wanted) {
  if (!wanted) return entry.precisions.front();
  if (std::ranges::find(entry.precisions, *wanted) != entry.precisions.end()) return *wanted;
  std::string known;
  for (const DType precision : entry.precisions)
    known += (known.empty() ? "" : " or ") + std::string(to_string(precision));
  throw Error(ErrorCode::kUnsupported,
              "backend " + entry.name + " computes in " + known + ", not in " + std::string(to_string(*wanted)),
              "leave the precision to it, or choose another backend");
}

}  // namespace

std::vector<BackendStatus> list_backends() {
  std::vector<BackendStatus> all;
  for (const auto& entry : entries()) all.push_back(status_of(entry));
  return all;
}

std::unique_ptr<Backend> make_backend(const std::string& name, std::span<const int> devices,
                                      std::optional<DType> precision) {
  std::string known = "auto";
  for (const auto& entry : entries()) {
    known += ", " + entry.name;
    if (name != "auto" && name != entry.name) continue;
    const auto status = status_of(entry);
    if (status.available) {
      const DType chosen = precision_of(entry, precision);
      return devices.empty() ? entry.make(0, chosen) : make_on(entry, devices, chosen);
    }
    if (name != "auto") throw Error(ErrorCode::kUnsupported, "backend " + name + " cannot be used: " + status.detail);
  }
  throw Error(ErrorCode::kUnsupported, "there is no backend " + name, "one of: " + known);
}

std::optional<DType> parse_precision(const std::string& text) {
  if (text == "auto") return std::nullopt;
  for (const DType precision : {DType::kF16, DType::kBF16, DType::kF32}) {
    if (text == to_string(precision)) return precision;
  }
  throw Error(ErrorCode::kInvalidArgument, "there is no precision " + text, "one of: auto, f16, bf16, f32");
}

std::shared_ptr<DeviceGate> make_device_gate() {
#ifdef COMFYSTREAM_WITH_CUDA
  const auto devices = make_cuda_backend()->devices();
  if (std::ranges::any_of(devices, [](const DeviceInfo& device) { return device.available.empty(); })) {
    return make_cuda_gate();
  }
#endif
  return nullptr;
}

}  // namespace comfystream::backend
