// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/backend/openvino/batch_views.hpp"
#include "comfystream/backend/openvino/lowered_model.hpp"
#include "comfystream/graph/graph.hpp"
#include "comfystream/tensor/tensor.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <openvino/runtime/compiled_model.hpp>

namespace comfystream::backend::openvino {

/// A parameter's value at one time. Never changes: requests in flight keep the version they started with.
struct ParameterVersion {
  Tensor value;
  BatchViews views;
};

/// What an executable and its slots share: the compiled model, what keeps it alive, and the parameters' present values.
/// All members may be called from any thread.
class Program {
 public:
  /// `compiled` is empty when `lowered` has no model.
  Program(ov::CompiledModel compiled, const LoweredModel& lowered, graph::Graph graph, std::int64_t max_batch,
          bool profiled);

  /// Empty when there is nothing to compute.
  [[nodiscard]] ov::InferRequest new_request();
  [[nodiscard]] const std::vector<OutputRoute>& routes() const noexcept { return routes_; }
  [[nodiscard]] std::int64_t max_batch() const noexcept { return max_batch_; }
  /// First components of the nodes' scopes, each once.
  [[nodiscard]] const std::vector<std::string>& scopes() const noexcept { return scopes_; }
  [[nodiscard]] bool profiled() const noexcept { return profiled_; }
  [[nodiscard]] const std::vector<graph::ValueType>& inputs() const noexcept { return inputs_; }
  [[nodiscard]] const std::vector<graph::ValueType>& outputs() const noexcept { return outputs_; }
  [[nodiscard]] std::size_t parameter_count() const noexcept { return parameters_.size(); }
  /// The u8 tensor of max_batch elements the model reads N from, where it needs one.
  [[nodiscard]] const std::optional<ParameterVersion>& batch_probe() const noexcept { return batch_probe_; }

  void set_parameter(std::size_t index, const Tensor& value);
  /// Copies the present version of every parameter into `versions`, which has parameter_count() elements.
  void snapshot(std::span<std::shared_ptr<const ParameterVersion>> versions) const;

  /// Notes that a batch ended now; returns when the one before it did.
  std::chrono::steady_clock::time_point exchange_last_end(std::chrono::steady_clock::time_point now);

  void note_times(std::map<std::string, std::chrono::nanoseconds> by_scope);
  [[nodiscard]] std::map<std::string, std::chrono::nanoseconds> times() const;

 private:
  graph::Graph graph_;  ///< first, to outlive the compiled model, which re-reads the weights at new batch sizes
  ov::CompiledModel compiled_;
  std::int64_t max_batch_;
  bool profiled_;
  std::vector<std::string> scopes_;
  std::vector<graph::ValueType> inputs_;
  std::vector<graph::ValueType> outputs_;
  std::vector<OutputRoute> routes_;  ///< of the outputs
  std::optional<ParameterVersion> batch_probe_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const ParameterVersion>> parameters_;
  std::map<std::string, std::chrono::nanoseconds> times_;
  std::atomic<std::chrono::steady_clock::rep> last_end_{0};
};

}  // namespace comfystream::backend::openvino
