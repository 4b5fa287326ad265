// SPDX-License-Identifier: Apache-2.0
// What a node class is: its looks (NodeSpec) and the operations it adds to the workflow's graph.
#pragma once

#include "comfystream/workflow/model_store.hpp"
#include "comfystream/workflow/node_spec.hpp"
#include "comfystream/workflow/values.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace comfystream::workflow {

struct TraceState;

/// A node while it is traced: its inputs as values, and everything it may do. Valid during NodeType::trace only.
class NodeContext {
 public:
  NodeContext(TraceState& state, const WorkflowNode& node, const NodeSpec& spec) noexcept
      : state_(&state), node_(&node), spec_(&spec) {}

  [[nodiscard]] const WorkflowNode& node() const noexcept { return *node_; }

  // Inputs. Literals are what validation coerced them to, or the default. A missing required input or a link of another
  // type is an Error(kValidation) (validation has refused both before).
  template <typename T>
  [[nodiscard]] const T& input(std::string_view name) const;
  /// Null when an optional socket is not linked.
  template <typename T>
  [[nodiscard]] const T* optional_input(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] std::uint64_t seed(std::string_view name) const;  ///< all 64 bits
  [[nodiscard]] double number(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] std::string text(std::string_view name) const;

  // Building.
  [[nodiscard]] graph::Builder& builder() const;
  /// A live value: a parameter of the graph called "<id>.<name>". A later trace of the same structure only sets it.
  [[nodiscard]] graph::Value live(std::string_view name, Tensor value) const;
  /// The same with one row per slot: `value` holds rows for the largest batch (max_batch()).
  [[nodiscard]] graph::Value live_rows(std::string_view name, Tensor value) const;
  /// Of values that come in ranges `own` [frames, 2] of low and high: one range [frames, 2] for all, which follows
  /// those of the batches that have left by `rate` of the way for each frame. Frames before the first have their own.
  /// Streams that share the plan share the range.
  [[nodiscard]] graph::Value running_range(std::string_view name, graph::Value own, float rate) const;
  /// The scope of this node's operations, "KSampler#7"; already open during trace.
  [[nodiscard]] std::string scope_name() const;

  // The frames.
  /// N, or in a fixed-batch plan the declared number.
  [[nodiscard]] graph::Dim frames() const;
  [[nodiscard]] std::int64_t max_batch() const;
  /// The live frames, f32 [frames, H, W, 3] in 0..1 (the same value for every caller).
  [[nodiscard]] ImageValue live_frames() const;
  /// `value` with its leading 1 repeated to frames(), or itself.
  [[nodiscard]] graph::Value with_frames(graph::Value value) const;
  /// Width and height that --size asks for, else those given.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> size_or(std::int64_t width, std::int64_t height) const;

  // Services.
  [[nodiscard]] ModelStore& models() const;
  /// An engine's batch limits: the plan stays inside them and the report says so.
  void limit_batch(const std::string& what, std::int64_t min_batch, std::int64_t max_batch) const;
  /// A line for the log and the report.
  void note(std::string text) const;
  /// A named operation that PerformanceTimerNode reports.
  void timed_operation(std::string operation) const;
  /// Something that runs once, now, beside the frames: writing an engine file. `run` returns a line for the log.
  void action(std::function<std::string()> run) const;
  /// The stream's output: f32 [frames or 1, H, W, 3 or 4]. The second call in a workflow is an Error.
  void live_output(const ImageValue& image) const;
  /// A picture to be looked at beside the live output: PreviewImage, SaveImage next to a Save*Tensor.
  void tap(const ImageValue& image, std::string name_prefix) const;

  void set_output(std::size_t index, NodeValue value) const;

 private:
  [[nodiscard]] const NodeValue* linked(std::string_view name) const;
  [[noreturn]] void wrong_input(std::string_view name) const;

  TraceState* state_;
  const WorkflowNode* node_;
  const NodeSpec* spec_;
};

template <typename T>
const T* NodeContext::optional_input(std::string_view name) const {
  const NodeValue* value = linked(name);
  if (value == nullptr) return nullptr;
  const T* found = std::get_if<T>(value);
  if (found == nullptr) wrong_input(name);
  return found;
}

template <typename T>
const T& NodeContext::input(std::string_view name) const {
  const T* found = optional_input<T>(name);
  if (found == nullptr) wrong_input(name);
  return *found;
}

/// One node class. Stateless; const access is safe from any thread.
class NodeType {
 public:
  virtual ~NodeType() = default;
  [[nodiscard]] virtual const NodeSpec& spec() const noexcept = 0;
  /// Adds the node's operations and sets its outputs. Throws Error; the caller adds the node's label.
  virtual void trace(NodeContext& context) const = 0;
  /// True for nodes that pick or join rows of a batch: the plan is then compiled for the declared batch only.
  [[nodiscard]] virtual bool fixes_batch() const noexcept { return false; }
  /// How many frames this live input takes at most in one batch (LoadBatchTensor's batch_size), 0 for other nodes.
  [[nodiscard]] virtual std::int64_t declared_batch(const WorkflowNode& /*node*/) const { return 0; }
};

}  // namespace comfystream::workflow
