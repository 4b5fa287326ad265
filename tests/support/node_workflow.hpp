// SPDX-License-Identifier: Apache-2.0
// Small workflows around nodes that need no models: frames in, pictures out, on the reference backend.
#pragma once

#include "comfystream/core/log.hpp"
#include "comfystream/workflow/trace.hpp"
#include "nodes/register_nodes.hpp"
#include "tests/support/run_reference.hpp"
#include "tests/support/test_folder.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace comfystream::tests {

/// A workflow as {"id": {"class_type": ..., "inputs": ...}}, floats in and out, with pictures in folder()/input.
class NodeWorkflow {
 public:
  NodeWorkflow() {
    std::filesystem::create_directories(folder_ / "models");
    nodes::register_nodes(registry_);
  }

  [[nodiscard]] const TestFolder& folder() const noexcept { return folder_; }
  [[nodiscard]] const workflow::NodeRegistry& registry() const noexcept { return registry_; }
  [[nodiscard]] workflow::ModelFolders folders() const { return workflow::ModelFolders(folder_ / "models"); }

  [[nodiscard]] workflow::TracedWorkflow trace(std::string_view json, workflow::TraceOptions options) {
    // A store of its own: pictures are read anew, as after a change of the workflow.
    workflow::ModelStore store(folders(), {}, make_null_log());
    const auto parsed = workflow::parse_workflow(json, "test.json");
    return workflow::trace_workflow(workflow::validate_or_throw(parsed, registry_, store.folders()), registry_, store,
                                    options);
  }

  /// `frames` f32 [rows, H, W, 3] through the workflow, as one batch of `max_batch` at most.
  [[nodiscard]] std::vector<float> run(std::string_view json, const Tensor& frames, std::int64_t max_batch = 0) {
    const auto traced = trace(json, float_options(frames, max_batch == 0 ? frames.shape()[0] : max_batch));
    const auto out = run_reference(traced.graph, {frames}, frames.shape()[0], traced.max_batch, {}).front();
    shape_ = out.shape();
    const auto values = out.values<float>();
    return {values.begin(), values.end()};
  }
  /// Of the last run's pictures.
  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }

  static workflow::TraceOptions float_options(const Tensor& frames, std::int64_t max_batch) {
    workflow::TraceOptions options;
    options.max_batch = max_batch;
    options.frames = {static_cast<int>(frames.shape()[2]), static_cast<int>(frames.shape()[1])};
    options.input = options.output = PixelFormat::kRgbF32;
    return options;
  }

 private:
  TestFolder folder_;
  workflow::NodeRegistry registry_;
  Shape shape_;
};

/// [rows, height, width, 3] with the values 0, 1, 2, ... times `step`.
inline Tensor counting_frames(std::int64_t rows, std::int64_t height, std::int64_t width, float step) {
  Tensor frames(DType::kF32, {rows, height, width, 3});
  const auto values = frames.mutable_values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * step;
  return frames;
}

}  // namespace comfystream::tests
