// SPDX-License-Identifier: Apache-2.0
// What the client knows about its run.
#include "comfystream/client/client_impl.hpp"
#include "comfystream/graph/cost.hpp"
#include "comfystream/stream/batch_bench.hpp"

namespace comfystream {
namespace {

using Json = nlohmann::ordered_json;

Json graph_json(const client::WorkflowPlan& plan) {
  double per_frame = 0;
  std::int64_t weights = 0;
  for (const auto& [scope, cost] : graph::cost_by_scope(plan.frame_graph(), 1)) {
    per_frame += cost.flops;
    weights += cost.weight_bytes;
  }
  double once = 0;
  for (const auto& [scope, cost] : graph::cost_by_scope(plan.setup_graph(), 1)) once += cost.flops;
  return {{"operations", plan.frame_graph().nodes().size()},
          {"operations_once", plan.setup_graph().nodes().size()},
          {"gflop_per_frame", per_frame * 1e-9},
          {"gflop_once", once * 1e-9},
          {"weight_bytes", weights}};
}

}  // namespace

Json Client::Impl::workflow_report() const {
  const std::lock_guard lock(mutex_);
  Json workflow{{"max_batch", plan_->max_batch()},
                {"input", {{"width", plan_->input().width}, {"height", plan_->input().height}}},
                {"output", {{"width", plan_->output().width}, {"height", plan_->output().height}}}};
  if (!workflow_plan_) {
    workflow["passthrough"] = true;
    return workflow;
  }
  workflow["min_batch"] = workflow_plan_->traced().min_batch;
  workflow["fixed_batch"] = workflow_plan_->traced().fixed_batch;
  workflow["graph"] = graph_json(*workflow_plan_);
  Json by_node = Json::object();
  for (const auto& [scope, time] : workflow_plan_->time_by_scope()) {
    by_node[scope] = std::chrono::duration<double, std::milli>(time).count();
  }
  if (!by_node.empty()) workflow["device_ms_by_node"] = std::move(by_node);
  return workflow;
}

std::string Client::Impl::report() const {
  auto startup = startup_;
  if (workflow_plan_) {
    for (const auto& [part, time] : workflow_plan_->startup_times()) startup.push_back({part, time});
  }
  Json report = stream::make_report(pipeline().stats(), stream::read_memory_use(), startup);
  report["backend"] = compiler_.backend().name();
  report["precision"] = to_string(compiler_.backend().precision());
  report["workflow"] = workflow_report();
  const std::lock_guard lock(mutex_);
  report["notes"] = notes_;
  if (!timed_operations_.empty()) report["performance_summary"] = timer_.summary();
  if (!gain_.is_null()) report["batch_gain"] = gain_;
  return report.dump(2);
}

std::string Client::Impl::performance_summary() const {
  const std::lock_guard lock(mutex_);
  return timed_operations_.empty() ? std::string() : timer_.summary();
}

std::string Client::Impl::measure_batches(std::span<const Picture> frames) {
  const auto plan = [this] {
    const std::lock_guard lock(mutex_);
    return plan_;
  }();
  const int largest = plan->max_batch();
  if (plan->run_size(1) != 1 || largest == 1) return {};
  const std::vector<stream::BenchCase> cases{{1, plan}, {largest, plan}};
  const auto rows = stream::run_batch_bench(cases, frames, {.frames = largest, .rounds = 5});
  const std::lock_guard lock(mutex_);
  for (const std::string& operation : timed_operations_) {
    timer_.set_gain(operation, rows.back().throughput_ratio->median, largest);
  }
  gain_ = stream::to_json(rows);
  return stream::to_table(rows);
}

}  // namespace comfystream
