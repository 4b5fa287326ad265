// SPDX-License-Identifier: Apache-2.0
// The client's insides; included by its sources only.
#pragma once

#include "comfystream/client.hpp"
#include "comfystream/client/workflow_compiler.hpp"
#include "comfystream/stream/batch_bench.hpp"
#include "comfystream/stream/performance_timer.hpp"
#include "comfystream/stream/pipeline.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace comfystream {

class Client::Impl {
 public:
  explicit Impl(ClientOptions options);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] std::optional<FrameSize> declared_size(std::string_view workflow) const;
  void start(std::string_view workflow, FrameSize frames, const StreamSettings& settings);
  Updated update(std::string_view workflow);
  std::optional<Error> wait_for_update();
  [[nodiscard]] std::string report() const;

  /// Error(kInvalidArgument) before start().
  [[nodiscard]] stream::Pipeline& pipeline() const;
  [[nodiscard]] bool running() const noexcept { return pipeline_ != nullptr; }
  [[nodiscard]] FrameSize input_size() const;
  [[nodiscard]] FrameSize output_size() const;
  [[nodiscard]] int max_batch() const;
  [[nodiscard]] bool takes_device_pictures() const noexcept { return compiler_.backend().reaches_device(); }
  [[nodiscard]] stream::PerformanceTimer& timer() noexcept { return timer_; }
  [[nodiscard]] std::string performance_summary() const;
  [[nodiscard]] std::string measure_batches(std::span<const Picture> frames);
  void stop();

 private:
  /// What the next compilation starts from: the newest workflow asked for.
  struct Job {
    workflow::TracedWorkflow traced;
  };

  [[nodiscard]] workflow::TraceOptions trace_options() const;
  [[nodiscard]] workflow::TracedWorkflow trace(std::string_view workflow);
  void note_all(const workflow::TracedWorkflow& traced);
  /// Batches in flight: each device has as many.
  [[nodiscard]] int slots() const;
  /// With options_.choose_batch: compiled at the size that measuring says, which options_.max_batch then is.
  [[nodiscard]] client::CompiledWorkflow compile_measured(std::string_view text);
  /// At the largest size that the device's memory holds.
  [[nodiscard]] client::CompiledWorkflow compile_largest(std::string_view text);
  [[nodiscard]] std::vector<stream::BenchRow> measure_sizes(const std::shared_ptr<stream::BatchPlan>& plan);
  [[nodiscard]] std::string batch_key(const client::WorkflowPlan& plan);
  void batch_done(const stream::BatchRecord& record);
  void work();
  void compile_and_swap(Job job);
  [[nodiscard]] bool await_idle();
  void warm_other_sizes(const std::shared_ptr<client::WorkflowPlan>& plan);
  [[nodiscard]] nlohmann::ordered_json workflow_report() const;

  ClientOptions options_;
  std::shared_ptr<Log> log_;
  client::WorkflowCompiler compiler_;
  stream::PerformanceTimer timer_;
  FrameSize frames_;
  bool live_source_ = false;
  std::vector<stream::StartupTime> startup_;

  std::mutex update_;         ///< one update() at a time
  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable idle_;
  std::shared_ptr<stream::BatchPlan> plan_;
  std::shared_ptr<client::WorkflowPlan> workflow_plan_;  ///< null for a passthrough
  std::vector<std::string> timed_operations_;
  std::vector<std::string> notes_;
  std::optional<Job> job_;  ///< waits to be compiled
  bool compiling_ = false;
  bool warm_others_ = false;
  bool stopping_ = false;
  std::optional<Error> failure_;
  nlohmann::ordered_json gain_;  ///< what measure_batches() found

  std::unique_ptr<stream::Pipeline> pipeline_;
  std::thread worker_;
};

}  // namespace comfystream
