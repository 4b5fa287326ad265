// SPDX-License-Identifier: Apache-2.0
// Changing the workflow while it runs.
#include "comfystream/client/client_impl.hpp"

namespace comfystream {

Updated Client::Impl::update(std::string_view text) {
  const std::lock_guard one(update_);
  stream::Pipeline& running = pipeline();
  workflow::TracedWorkflow traced = trace(text);
  if (!traced.live) throw Error(ErrorCode::kInvalidArgument, "the new workflow has no live input and output");
  if (running.output() != stream::PictureSpec{traced.output_format, traced.output.width, traced.output.height}) {
    log_info(*log_, "pictures of another size leave from now on: " + std::to_string(traced.output.width) + "x" +
                        std::to_string(traced.output.height));
  }
  note_all(traced);
  std::shared_ptr<client::WorkflowPlan> current;
  {
    const std::lock_guard lock(mutex_);
    // Behind a compilation that is under way the parameters would be lost.
    if (!job_ && !compiling_) current = workflow_plan_;
  }
  const bool same_structure = current && current->update(traced);
  {
    const std::lock_guard lock(mutex_);
    if (same_structure) {
      timed_operations_ = std::move(traced.timed_operations);
      return Updated::kParameters;
    }
    job_ = Job{std::move(traced)};
  }
  idle_.notify_all();
  return Updated::kCompiling;
}

std::optional<Error> Client::Impl::wait_for_update() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return stopping_ || (!job_ && !compiling_); });
  return std::exchange(failure_, std::nullopt);
}

void Client::Impl::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    idle_.wait(lock, [this] { return stopping_ || job_ || warm_others_; });
    if (stopping_) return;
    if (job_) {
      Job job = std::move(*job_);
      job_.reset();
      compiling_ = true;
      lock.unlock();
      compile_and_swap(std::move(job));
      lock.lock();
      compiling_ = false;
      idle_.notify_all();
    } else {
      warm_others_ = false;
      const auto plan = workflow_plan_;
      lock.unlock();
      warm_other_sizes(plan);
      lock.lock();
    }
  }
}

void Client::Impl::compile_and_swap(Job job) {
  std::optional<Error> failure;
  try {
    std::vector<std::string> operations = job.traced.timed_operations;
    client::CompiledWorkflow compiled = compiler_.compile(std::move(job.traced));
    if (compiled.workflow) compiled.workflow->warm(compiled.plan->max_batch());
    pipeline_->set_plan(stream::prepare_plan(compiled.plan, pipeline_->prepare_options()));
    const std::lock_guard lock(mutex_);
    plan_ = compiled.plan;
    workflow_plan_ = compiled.workflow;
    timed_operations_ = std::move(operations);
    warm_others_ = live_source_ && workflow_plan_ != nullptr;
  } catch (const Error& error) {
    failure = error;
  } catch (const std::exception& error) {
    failure = Error(ErrorCode::kBackend, error.what());
  }
  if (!failure) return;
  log_error(*log_, std::string("the new workflow could not be compiled, the old one goes on: ") + failure->what());
  const std::lock_guard lock(mutex_);
  failure_ = std::move(failure);
}

/// Waits until no batch runs. False when there is something else to do.
bool Client::Impl::await_idle() {
  constexpr std::chrono::milliseconds kPoll{20};
  std::unique_lock lock(mutex_);
  const auto wanted = [this] { return stopping_ || job_; };
  while (!wanted() && !pipeline_->idle()) idle_.wait_for(lock, kPoll, wanted);
  return !wanted();
}

void Client::Impl::warm_other_sizes(const std::shared_ptr<client::WorkflowPlan>& plan) {
  for (int frames = plan->max_batch() - 1; frames >= 1; --frames) {
    if (plan->run_size(frames) != frames) continue;
    if (!await_idle()) return;
    try {
      plan->warm(frames);
    } catch (const std::exception& error) {
      log_warning(*log_, "a batch of " + std::to_string(frames) + " could not be warmed: " + error.what());
    }
  }
}

}  // namespace comfystream
