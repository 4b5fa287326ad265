// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/registry.hpp"

#include "comfystream/backend/reference/reference_backend.hpp"
#include "comfystream/error.hpp"

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
  std::function<std::unique_ptr<Backend>()> make;  // empty when this build does not hold it
  std::string fix;                                 // what puts it into a build
};

// Best first.
std::vector<Entry> entries() {
  std::vector<Entry> all{{"cuda", {}, "configure with -DCOMFYSTREAM_CUDA=ON on a machine with the CUDA toolkit"},
                         {"openvino", {}, "install the openvino wheel and configure again, or run ./run --build-only"},
                         {"reference", [] { return make_reference_backend(); }, {}}};
#ifdef COMFYSTREAM_WITH_CUDA
  all[0].make = [] { return make_cuda_backend(); };
#endif
#ifdef COMFYSTREAM_WITH_OPENVINO
  all[1].make = [] { return make_openvino_backend(); };
#endif
  return all;
}

BackendStatus status_of(const Entry& entry) {
  if (!entry.make) return {entry.name, false, "not in this build; " + entry.fix};
  BackendStatus status{entry.name, false, {}};
  try {
    std::string reasons;
    for (const auto& device : entry.make()->devices()) {
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

}  // namespace

std::vector<BackendStatus> list_backends() {
  std::vector<BackendStatus> all;
  for (const auto& entry : entries()) all.push_back(status_of(entry));
  return all;
}

std::unique_ptr<Backend> make_backend(const std::string& name) {
  std::string known = "auto";
  for (const auto& entry : entries()) {
    known += ", " + entry.name;
    if (name != "auto" && name != entry.name) continue;
    const auto status = status_of(entry);
    if (status.available) return entry.make();
    if (name != "auto") throw Error(ErrorCode::kUnsupported, "backend " + name + " cannot be used: " + status.detail);
  }
  throw Error(ErrorCode::kUnsupported, "there is no backend " + name, "one of: " + known);
}

}  // namespace comfystream::backend
