// SPDX-License-Identifier: Apache-2.0
// The batch size that is measured instead of told.
#include "comfystream/client/batch_choice.hpp"
#include "comfystream/client/client_impl.hpp"
#include "comfystream/core/user_cache.hpp"
#include "comfystream/graph/cost.hpp"

#include <cstdio>

namespace comfystream {
namespace {

constexpr int kLargest = 8;  // beyond it throughput hardly grows and latency does
constexpr auto kFast = std::chrono::milliseconds(100);

/// Pictures that are neither flat nor all the same.
std::vector<Picture> noise_pictures(const stream::PictureSpec& spec, int count) {
  std::vector<Picture> pictures;
  std::uint32_t state = 1;
  for (int i = 0; i < count; ++i) {
    Picture& picture = pictures.emplace_back(PixelFormat::kRgb8, spec.width, spec.height);
    for (std::byte& byte : picture.bytes()) {
      state = state * 1664525U + 1013904223U;
      byte = static_cast<std::byte>(state >> 24U);
    }
  }
  return pictures;
}

std::vector<stream::BenchCase> cases_of(const std::shared_ptr<stream::BatchPlan>& plan) {
  std::vector<stream::BenchCase> cases;
  const int largest = plan->max_batch();
  for (int size = 1; size < largest; size *= 2) {
    if (plan->run_size(size) == size) cases.push_back({size, plan});
  }
  if (plan->run_size(largest) == largest) cases.push_back({largest, plan});
  return cases;
}

}  // namespace

int Client::Impl::slots() const {
  return stream::PipelineOptions{}.slots * static_cast<int>(compiler_.backend().parallel_devices());
}

std::string Client::Impl::batch_key(const client::WorkflowPlan& plan) {
  double flops = 0;
  for (const auto& [scope, cost] : graph::cost_by_scope(plan.frame_graph(), 1)) flops += cost.flops;
  char text[160];
  std::snprintf(text, sizeof text, ", %zu operations of %.6g GFLOP, %dx%d", plan.frame_graph().nodes().size(),
                flops * 1e-9, plan.input().width, plan.input().height);
  std::string key = compiler_.backend().name() + " in " + std::string(to_string(compiler_.backend().precision()));
  for (const auto& device : compiler_.backend().devices()) key += " " + device.name;
  key += ", " + std::to_string(compiler_.backend().parallel_devices()) + " in use" + text;
  if (options_.latency_target) key += ", within " + std::to_string(options_.latency_target->count()) + " us";
  return key;
}

client::CompiledWorkflow Client::Impl::compile_largest(std::string_view text) {
  for (options_.max_batch = kLargest;; options_.max_batch /= 2) {
    try {
      client::CompiledWorkflow compiled = compiler_.compile(trace(text));
      // The memory of all batches in flight, of which there must be enough as well.
      static_cast<void>(stream::prepare_plan(compiled.plan, {.slots = slots(), .output_format = {}}));
      return compiled;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOutOfMemory || options_.max_batch == 1) throw;
      log_warning(*log_, "batches of " + std::to_string(options_.max_batch) +
                             " do not fit, trying half as many frames: " + error.message());
    }
  }
}

std::vector<stream::BenchRow> Client::Impl::measure_sizes(const std::shared_ptr<stream::BatchPlan>& plan) {
  const std::vector<stream::BenchCase> cases = cases_of(plan);
  const auto pictures = noise_pictures(plan->input(), 4);
  stream::BenchOptions options{.frames = 1, .rounds = 1, .warm_up_batches = 1, .slots = slots(), .clock = {}};
  const auto first = stream::run_batch_bench({cases.front()}, pictures, options);
  const double frame_ms = first.front().ms_per_image.median;
  if (frame_ms < std::chrono::duration<double, std::milli>(kFast).count()) {
    options.frames = 4 * plan->max_batch() * slots();
    options.rounds = 3;
  } else {
    options.frames = plan->max_batch();
  }
  return stream::run_batch_bench(cases, pictures, options);
}

client::CompiledWorkflow Client::Impl::compile_measured(std::string_view text) {
  client::CompiledWorkflow compiled = compile_largest(text);
  const int largest = compiled.plan->max_batch();
  if (!compiled.workflow || cases_of(compiled.plan).size() < 2) return compiled;
  const client::BatchChoices known(user_cache_folder());
  const std::string key = batch_key(*compiled.workflow);
  auto choice = known.find(key);
  const bool is_known = choice && choice->batch_size <= largest;
  if (!is_known) {
    log_info(*log_, "measuring batch sizes up to " + std::to_string(largest));
    choice = client::choose_batch_size(measure_sizes(compiled.plan),
                                       options_.latency_target
                                           ? std::optional(static_cast<double>(options_.latency_target->count()) / 1e3)
                                           : std::nullopt);
    known.remember(key, *choice);
  }
  log_info(*log_, "batch size " + std::to_string(choice->batch_size) + (is_known ? ", as measured before: " : ": ") +
                      choice->why);
  if (choice->batch_size == largest) return compiled;
  compiled = {};  // its memory first
  options_.max_batch = choice->batch_size;
  return compiler_.compile(trace(text));
}

}  // namespace comfystream
