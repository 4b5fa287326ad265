// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/backend/backend.hpp"
#include "comfystream/stream/batch_plan.hpp"
#include "comfystream/workflow/trace.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace comfystream::client {

/// A traced workflow on a backend: what no frame influences is computed once (and again when a parameter it reads
/// changes), the rest runs per batch.
class WorkflowPlan final : public stream::BatchPlan {
 public:
  /// Compiles for batches of 1..traced.max_batch. Throws what the backend throws. `traced.live` holds.
  WorkflowPlan(workflow::TracedWorkflow traced, backend::Backend& backend, const backend::CompileOptions& options);

  /// When `traced` has the same structure, later batches see its parameters, all at once, and the result is true. Else
  /// false, and nothing changes. Any thread; calls do not overlap. Throws what the backend throws.
  [[nodiscard]] bool update(const workflow::TracedWorkflow& traced);
  /// Runs one batch of the size that `frames` frames run at, on zeros.
  void warm(int frames);

  [[nodiscard]] const workflow::TracedWorkflow& traced() const noexcept { return traced_; }
  /// What runs per batch; what ran once is setup_graph().
  [[nodiscard]] const graph::Graph& frame_graph() const noexcept { return frame_graph_; }
  [[nodiscard]] const graph::Graph& setup_graph() const noexcept { return setup_graph_; }
  /// See Executable::time_by_scope.
  [[nodiscard]] std::map<std::string, std::chrono::nanoseconds> time_by_scope() const;
  /// See Executable::startup_times; what runs once has "setup." in front.
  [[nodiscard]] std::map<std::string, std::chrono::nanoseconds> startup_times() const;
  /// See Executable::time_steps.
  [[nodiscard]] std::vector<backend::StepTime> time_steps(int frames);

  [[nodiscard]] stream::PictureSpec input() const override { return input_; }
  [[nodiscard]] stream::PictureSpec output() const override { return output_; }
  [[nodiscard]] std::vector<stream::TapSpec> taps() const override { return taps_; }
  [[nodiscard]] int max_batch() const override { return static_cast<int>(traced_.max_batch); }
  [[nodiscard]] int run_size(int frames) const override;
  [[nodiscard]] std::unique_ptr<Slot> make_slot() override;
  void enqueue(Slot& slot, int batch_size) override;
  void wait(Slot& slot) override;
  [[nodiscard]] Duration device_time(const Slot& slot) const override;

 private:
  class RowSlot;
  /// A parameter of the whole graph, and where it went.
  struct Live {
    Tensor value;
    int setup_index = -1;  ///< its index among the setup graph's parameters, -1 for none
    int frame_index = -1;
  };

  /// A running range, where its parameter and what it follows are in the frame graph.
  struct Follower {
    std::size_t parameter = 0;
    std::size_t output = 0;
    float rate = 0.0F;
    Tensor range;
  };

  /// Gives what crosses into the frame graph.
  std::vector<Tensor> compile_setup(backend::Backend& backend, backend::CompileOptions options);
  void set_crossing(const std::vector<Tensor>& values);
  void find_parameters();
  void find_followers();
  void follow(const RowSlot& slot);
  [[nodiscard]] std::vector<Tensor> run_setup();
  [[nodiscard]] std::int64_t rows_of(int batch_size) const noexcept { return traced_.fixed_batch ? 1 : batch_size; }

  workflow::TracedWorkflow traced_;
  std::uint64_t structure_ = 0;
  stream::PictureSpec input_;
  stream::PictureSpec output_;
  std::vector<stream::TapSpec> taps_;
  graph::Graph setup_graph_;
  graph::Graph frame_graph_;
  std::vector<int> crossing_;  ///< frame parameter of each setup output
  std::map<std::string, Live> live_;
  std::vector<Follower> followers_;
  std::unique_ptr<backend::Executable> setup_;
  std::unique_ptr<backend::Executable> frame_;
  std::mutex switch_;  ///< held while parameters change and while a batch starts, so that no batch sees half a change
};

}  // namespace comfystream::client
