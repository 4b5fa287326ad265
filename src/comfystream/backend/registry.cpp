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
#endif

namespace comfystream::backend {
namespace {

struct Entry {
  std::string name;
  std::function<std::unique_ptr<Backend>(int)> make;  // on a device; empty when this build does not hold it
  std::string fix;                                    // what puts it into a build
};

// Best first.
std::vector<Entry> entries() {
  std::vector<Entry> all{{"cuda", {}, "configure with -DCOMFYSTREAM_CUDA=ON on a machine with the CUDA toolkit"},
                         {"openvino", {}, "install the openvino wheel and configure again, or run ./run --build-only"},
                         {"reference", [](int) { return make_reference_backend(); }, {}}};
#ifdef COMFYSTREAM_WITH_CUDA
  all[0].make = [](int device) { return make_cuda_backend({.device = device}); };
#endif
#ifdef COMFYSTREAM_WITH_OPENVINO
  all[1].make = [](int) { return make_openvino_backend(); };
#endif
  return all;
}

BackendStatus status_of(const Entry& entry) {
  if (!entry.make) return {entry.name, false, "not in this build; " + entry.fix};
  BackendStatus status{entry.name, false, {}};
  try {
    std::string reasons;
    for (const auto& device : entry.make(0)->devices()) {
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

std::unique_ptr<Backend> make_on(const Entry& entry, std::span<const int> devices) {
  const auto known = entry.make(0)->devices();
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
    backends.push_back(entry.make(device));
  }
  return backends.size() == 1 ? std::move(backends.front()) : share_backends(std::move(backends));
}

}  // namespace

std::vector<BackendStatus> list_backends() {
  std::vector<BackendStatus> all;
  for (const auto& entry : entries()) all.push_back(status_of(entry));
  return all;
}

std::unique_ptr<Backend> make_backend(const std::string& name, std::span<const int> devices) {
  std::string known = "auto";
  for (const auto& entry : entries()) {
    known += ", " + entry.name;
    if (name != "auto" && name != entry.name) continue;
    const auto status = status_of(entry);
    if (status.available) return devices.empty() ? entry.make(0) : make_on(entry, devices);
    if (name != "auto") throw Error(ErrorCode::kUnsupported, "backend " + name + " cannot be used: " + status.detail);
  }
  throw Error(ErrorCode::kUnsupported, "there is no backend " + name, "one of: " + known);
}

}  // namespace comfystream::backend
