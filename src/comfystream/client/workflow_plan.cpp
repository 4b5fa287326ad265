// SPDX-License-Identifier: Apache-2.0
#include "comfystream/client/workflow_plan.hpp"

#include "comfystream/error.hpp"
#include "comfystream/graph/fingerprint.hpp"
#include "comfystream/graph/passes/simplify.hpp"
#include "comfystream/graph/passes/split_static.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <future>
#include <utility>

namespace comfystream::client {
namespace {

stream::PictureSpec spec_of(PixelFormat format, const workflow::Size& size) {
  return {format, size.width, size.height};
}

int parameter_index(const graph::Graph& graph, std::string_view name) {
  const auto& parameters = graph.parameters();
  const auto found =
      std::ranges::find_if(parameters, [&](graph::Value value) { return graph.node(value).name == name; });
  return found == parameters.end() ? -1 : static_cast<int>(found - parameters.begin());
}

const Tensor& initial_of(const graph::Graph& graph, graph::Value parameter) {
  return std::get<graph::ParameterAttrs>(graph.node(parameter).attrs).initial;
}

std::vector<stream::TapSpec> taps_of(const workflow::TracedWorkflow& traced) {
  std::vector<stream::TapSpec> taps;
  for (const workflow::Tap& tap : traced.taps) {
    const auto& shape = traced.graph.type(traced.graph.outputs()[tap.output].value).shape;
    const workflow::Size size{static_cast<int>(shape[2].count), static_cast<int>(shape[1].count)};
    taps.push_back({tap.node_id, tap.name_prefix, spec_of(traced.output_format, size)});
  }
  return taps;
}

bool same_bytes(const Tensor& a, const Tensor& b) { return std::ranges::equal(a.bytes(), b.bytes()); }

}  // namespace

class WorkflowPlan::RowSlot final : public stream::BatchPlan::Slot {
 public:
  RowSlot(std::unique_ptr<backend::Slot> slot, const WorkflowPlan& plan)
      : slot_(std::move(slot)),
        input_(slot_->input(0)),
        output_(slot_->output(0)),
        input_row_(plan.input_.size_bytes()),
        output_row_(plan.output_.size_bytes()),
        output_spec_(plan.output_) {
    for (std::size_t i = 0; i < plan.taps_.size(); ++i) {
      taps_.push_back({slot_->output(plan.traced_.taps[i].output), plan.taps_[i].picture.size_bytes()});
    }
  }

  std::span<std::byte> input_row(int row) override {
    return input_.subspan(input_row_ * static_cast<std::size_t>(row), input_row_);
  }
  std::span<const std::byte> output_row(int row) const override {
    return output_.subspan(output_row_ * static_cast<std::size_t>(row), output_row_);
  }
  std::span<const std::byte> tap_row(std::size_t tap, int row) const override {
    const Rows& rows = taps_[tap];
    return rows.bytes.subspan(rows.row * static_cast<std::size_t>(row), rows.row);
  }
  bool reaches_device() const override { return slot_->reaches_device(); }
  void clear_rows() override { slot_->clear_rows(); }
  void read_row(int row, const Picture& picture) override { slot_->read_row(0, row, picture); }
  Picture write_row(int row, PixelFormat format) override {
    return slot_->write_row(0, row, format, output_spec_.width, output_spec_.height);
  }
  [[nodiscard]] backend::Slot& slot() const noexcept { return *slot_; }
  std::size_t frames = 0;  ///< of the batch that was enqueued last

 private:
  struct Rows {
    std::span<const std::byte> bytes;
    std::size_t row = 0;  ///< bytes of one
  };

  std::unique_ptr<backend::Slot> slot_;
  std::span<std::byte> input_;
  std::span<const std::byte> output_;
  std::size_t input_row_;
  std::size_t output_row_;
  stream::PictureSpec output_spec_;
  std::vector<Rows> taps_;
};

WorkflowPlan::WorkflowPlan(workflow::TracedWorkflow traced, backend::Backend& backend,
                           const backend::CompileOptions& options)
    : traced_(std::move(traced)),
      structure_(graph::structure_fingerprint(traced_.graph)),
      input_(spec_of(traced_.input_format, traced_.input)),
      output_(spec_of(traced_.output_format, traced_.output)),
      taps_(taps_of(traced_)) {
  std::vector<std::string> moving;
  for (const workflow::RunningRange& range : traced_.running_ranges) moving.push_back(range.parameter);
  graph::SplitGraph split = graph::split_static(graph::simplify(traced_.graph), moving);
  setup_graph_ = std::move(split.setup);
  frame_graph_ = std::move(split.frame);
  for (const std::string& name : split.crossing) crossing_.push_back(parameter_index(frame_graph_, name));
  backend::CompileOptions sized = options;
  sized.max_batch = rows_of(max_batch());
  find_parameters();
  find_followers();
  const bool has_setup = !setup_graph_.outputs().empty();
  const auto when = backend.compiles_concurrently() ? std::launch::async : std::launch::deferred;
  std::future<std::vector<Tensor>> setup;
  if (has_setup) setup = std::async(when, [&] { return compile_setup(backend, sized); });
  frame_ = backend.compile(frame_graph_, sized);
  if (has_setup) set_crossing(setup.get());
}

std::vector<Tensor> WorkflowPlan::compile_setup(backend::Backend& backend, backend::CompileOptions options) {
  options.profile_nodes = false;
  setup_ = backend.compile(setup_graph_, options);
  return run_setup();
}

void WorkflowPlan::set_crossing(const std::vector<Tensor>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    frame_->set_parameter(static_cast<std::size_t>(crossing_[i]), values[i]);
  }
}

void WorkflowPlan::find_parameters() {
  for (const graph::Value parameter : traced_.graph.parameters()) {
    const std::string& name = traced_.graph.node(parameter).name;
    live_[name] = {initial_of(traced_.graph, parameter), parameter_index(setup_graph_, name),
                   parameter_index(frame_graph_, name)};
  }
}

void WorkflowPlan::find_followers() {
  const auto& outputs = frame_graph_.outputs();
  for (const workflow::RunningRange& range : traced_.running_ranges) {
    const int parameter = parameter_index(frame_graph_, range.parameter);
    const auto output = std::ranges::find(outputs, range.output, &graph::Output::name);
    if (parameter < 0 || output == outputs.end()) continue;  // no picture depends on it
    const Tensor& initial = live_.at(range.parameter).value;
    Tensor copy = Tensor::from<float>(initial.shape(), initial.values<float>());
    followers_.push_back({static_cast<std::size_t>(parameter), static_cast<std::size_t>(output - outputs.begin()),
                          range.rate, std::move(copy)});
  }
}

void WorkflowPlan::follow(const RowSlot& slot) {
  const std::lock_guard lock(switch_);
  for (Follower& follower : followers_) {
    const std::span<const std::byte> bytes = slot.slot().output(follower.output);
    const auto range = follower.range.mutable_values<float>();
    for (std::size_t row = 0; row < slot.frames; ++row) {
      std::array<float, 2> own{};
      std::memcpy(own.data(), bytes.subspan(row * sizeof(own)).data(), sizeof(own));
      if (!(own[1] > own[0])) continue;  // a flat frame tells nothing, and what is no number neither
      const float rate = range[1] > range[0] ? follower.rate : 1.0F;
      for (std::size_t end = 0; end < own.size(); ++end) range[end] += rate * (own[end] - range[end]);
    }
    frame_->set_parameter(follower.parameter, follower.range);
  }
}

std::vector<Tensor> WorkflowPlan::run_setup() {
  return backend::run_once(*setup_, setup_graph_, {}, rows_of(max_batch()));
}

bool WorkflowPlan::update(const workflow::TracedWorkflow& traced) {
  if (traced.max_batch != traced_.max_batch || traced.min_batch != traced_.min_batch) return false;
  if (graph::structure_fingerprint(traced.graph) != structure_) return false;
  std::vector<std::pair<int, Tensor>> changes;  // by index of the frame graph's parameters
  bool setup_changed = false;
  for (std::size_t i = 0; i < traced.graph.parameters().size(); ++i) {
    const graph::Value parameter = traced.graph.parameters()[i];
    Live& live = live_.at(traced.graph.node(parameter).name);
    const Tensor& value = initial_of(traced.graph, parameter);
    if (same_bytes(live.value, value)) continue;
    live.value = value;
    const Tensor rows = backend::initial_parameter(traced.graph, i, rows_of(max_batch()));
    if (live.setup_index >= 0) setup_->set_parameter(static_cast<std::size_t>(live.setup_index), rows);
    setup_changed = setup_changed || live.setup_index >= 0;
    if (live.frame_index >= 0) changes.emplace_back(live.frame_index, rows);
  }
  if (setup_changed) {
    std::vector<Tensor> values = run_setup();
    for (std::size_t i = 0; i < values.size(); ++i) changes.emplace_back(crossing_[i], std::move(values[i]));
  }
  const std::lock_guard lock(switch_);
  for (const auto& [index, value] : changes) frame_->set_parameter(static_cast<std::size_t>(index), value);
  return true;
}

void WorkflowPlan::warm(int frames) { frame_->warm(rows_of(run_size(frames))); }

std::map<std::string, std::chrono::nanoseconds> WorkflowPlan::time_by_scope() const { return frame_->time_by_scope(); }

std::map<std::string, std::chrono::nanoseconds> WorkflowPlan::startup_times() const {
  auto times = frame_->startup_times();
  if (setup_) {
    for (const auto& [part, time] : setup_->startup_times()) times["setup." + part] = time;
  }
  return times;
}

std::vector<backend::StepTime> WorkflowPlan::time_steps(int frames) {
  return frame_->time_steps(rows_of(run_size(frames)));
}

int WorkflowPlan::run_size(int frames) const {
  return traced_.fixed_batch ? max_batch() : std::max(frames, static_cast<int>(traced_.min_batch));
}

std::unique_ptr<stream::BatchPlan::Slot> WorkflowPlan::make_slot() {
  return std::make_unique<RowSlot>(frame_->make_slot(), *this);
}

void WorkflowPlan::enqueue(Slot& slot, int batch_size) {
  auto& rows = static_cast<RowSlot&>(slot);
  rows.frames = static_cast<std::size_t>(batch_size);
  const std::lock_guard lock(switch_);
  frame_->enqueue(rows.slot(), rows_of(batch_size));
}

void WorkflowPlan::wait(Slot& slot) {
  auto& rows = static_cast<RowSlot&>(slot);
  frame_->wait(rows.slot());
  if (!followers_.empty()) follow(rows);
}

Duration WorkflowPlan::device_time(const Slot& slot) const {
  return frame_->device_time(static_cast<const RowSlot&>(slot).slot());
}

}  // namespace comfystream::client
