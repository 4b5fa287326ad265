// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/openvino/openvino_backend.hpp"

#include "comfystream/backend/openvino/errors.hpp"
#include "comfystream/backend/openvino/executable.hpp"
#include "comfystream/backend/openvino/lowered_model.hpp"
#include "comfystream/error.hpp"
#include "comfystream/graph/passes/reorder.hpp"

#include <algorithm>

#include <openvino/runtime/core.hpp>
#include <openvino/runtime/properties.hpp>

namespace comfystream::backend {
namespace {

using openvino::LoweredModel;

ov::AnyMap settings_for(const CompileOptions& options) {
  // One stream: a batch uses all threads and is done as early as can be. f32 stated, because other CPUs would choose
  // bf16 or f16 on their own.
  ov::AnyMap settings{ov::num_streams(1), ov::hint::inference_precision(ov::element::f32)};
  if (options.threads > 0) {
    settings.insert(ov::inference_num_threads(options.threads));
  }
  if (options.profile_nodes) {
    settings.insert(ov::enable_profiling(true));
  }
  return settings;
}

class OpenVinoBackend final : public Backend {
 public:
  explicit OpenVinoBackend(std::string device) : device_(std::move(device)) {}

  [[nodiscard]] std::string name() const override { return "openvino"; }
  [[nodiscard]] std::vector<DeviceInfo> devices() const override;
  [[nodiscard]] std::unique_ptr<Executable> compile(const graph::Graph& graph, const CompileOptions& options) override;

 private:
  [[nodiscard]] DeviceInfo describe_device(const std::string& device) const;

  std::string device_;
  mutable ov::Core core_;  ///< thread-safe; loads the device's plugin once for all compilations
};

DeviceInfo OpenVinoBackend::describe_device(const std::string& device) const {
  try {
    return {core_.get_property(device, ov::device::full_name), ""};
  } catch (const std::exception& exception) {
    return {device, openvino::backend_error("cannot use device " + device, exception).message()};
  }
}

std::vector<DeviceInfo> OpenVinoBackend::devices() const {
  std::vector<std::string> ids = core_.get_available_devices();
  const auto own = std::ranges::find(ids, device_);
  if (own == ids.end()) {
    ids.insert(ids.begin(), device_);
  } else {
    std::rotate(ids.begin(), own, own + 1);
  }
  std::vector<DeviceInfo> result;
  result.reserve(ids.size());
  for (const std::string& id : ids) {
    result.push_back(describe_device(id));
  }
  return result;
}

std::unique_ptr<Executable> OpenVinoBackend::compile(const graph::Graph& given, const CompileOptions& options) {
  if (options.max_batch < 1) {
    throw Error(ErrorCode::kInvalidArgument,
                "openvino: the largest batch is " + std::to_string(options.max_batch) + ", but must be 1 or more");
  }
  const graph::Graph graph = graph::reorder(given);
  LoweredModel lowered = openvino::lower(graph, options.max_batch);
  try {
    ov::CompiledModel compiled;
    if (lowered.model) {
      compiled = core_.compile_model(lowered.model, device_, settings_for(options));
      lowered.model.reset();
    }
    return std::make_unique<openvino::OpenVinoExecutable>(std::make_shared<openvino::Program>(
        std::move(compiled), lowered, graph, options.max_batch, options.profile_nodes));
  } catch (const ov::Exception& exception) {
    throw openvino::backend_error("cannot compile the network for " + device_, exception);
  }
}

}  // namespace

std::unique_ptr<Backend> make_openvino_backend(std::string device) {
  try {
    return std::make_unique<OpenVinoBackend>(std::move(device));
  } catch (const std::exception& exception) {
    throw openvino::backend_error("cannot start OpenVINO", exception);
  }
}

}  // namespace comfystream::backend
