// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/reference/reference_backend.hpp"

#include "comfystream/backend/reference/executable.hpp"

namespace comfystream::backend {
namespace {

class ReferenceBackend final : public Backend {
 public:
  [[nodiscard]] std::string name() const override { return "reference"; }
  [[nodiscard]] std::vector<DeviceInfo> devices() const override { return {{"CPU, one thread, plain loops", {}}}; }
  [[nodiscard]] std::unique_ptr<Executable> compile(const graph::Graph& graph, const CompileOptions& options) override {
    return std::make_unique<reference::ReferenceExecutable>(graph, options.max_batch);
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace comfystream::backend
