// SPDX-License-Identifier: Apache-2.0
#include "comfystream/client/client_impl.hpp"

#include "comfystream/client/callback_log.hpp"
#include "comfystream/client/stream_settings.hpp"

#include <algorithm>

namespace comfystream {
namespace {

client::CompilerOptions compiler_options(const ClientOptions& options, std::shared_ptr<Log> log) {
  return {.models = options.models,
          .input = options.input,
          .vocabulary = options.vocabulary,
          .backend = options.backend,
          .devices = options.devices,
          .precision = options.precision,
          .threads = options.threads,
          .profile_nodes = options.profile_nodes,
          .log = std::move(log)};
}

std::optional<workflow::Size> size_of(const std::optional<FrameSize>& size) {
  if (!size) return std::nullopt;
  return workflow::Size{size->width, size->height};
}

using TapReceiver = decltype(stream::PipelineOptions::on_tap);

TapReceiver tap_receiver(std::function<void(const TapPicture&)> receive) {
  return [receive = std::move(receive)](const stream::TapSpec& tap, const Frame& frame,
                                        std::span<const std::byte> pixels) {
    Picture picture(tap.picture.format, tap.picture.width, tap.picture.height);
    std::ranges::copy(pixels, picture.bytes().begin());
    receive({tap.node, tap.prefix, frame.stream_id, frame.id, frame.pts, picture});
  };
}

}  // namespace

Client::Impl::Impl(ClientOptions options)
    : options_(std::move(options)),
      log_(client::make_callback_log(options_.log)),
      compiler_(compiler_options(options_, log_)) {}

Client::Impl::~Impl() { stop(); }

std::optional<FrameSize> Client::Impl::declared_size(std::string_view workflow) const {
  const auto size = workflow::declared_size(workflow::parse_workflow(workflow, "workflow"), size_of(options_.size));
  if (!size) return std::nullopt;
  return FrameSize{size->width, size->height};
}

workflow::TraceOptions Client::Impl::trace_options() const {
  return {.max_batch = options_.max_batch,
          .size = size_of(options_.size),
          .frames = {frames_.width, frames_.height},
          .input = options_.pixels,
          .output = options_.pixels,
          .keep_taps = static_cast<bool>(options_.on_tap)};
}

workflow::TracedWorkflow Client::Impl::trace(std::string_view text) {
  const workflow::Validation validated = compiler_.check(workflow::parse_workflow(text, "workflow"));
  return compiler_.trace(validated, trace_options());
}

void Client::Impl::start(std::string_view text, FrameSize frames, const StreamSettings& settings) {
  if (running()) throw Error(ErrorCode::kInvalidArgument, "the client runs already", "use update()");
  frames_ = frames;
  live_source_ = settings.when_full != StreamSettings::WhenFull::kBlock;
  workflow::TracedWorkflow traced = trace(text);
  note_all(traced);
  timed_operations_ = traced.timed_operations;
  if (!traced.live) return;
  client::CompiledWorkflow compiled =
      options_.choose_batch ? compile_measured(text) : compiler_.compile(std::move(traced));
  startup_ = compiled.times;
  const auto begin = std::chrono::steady_clock::now();
  // A source that waits warms with its first frames: a batch of zeros first would only put them off.
  if (compiled.workflow && live_source_) compiled.workflow->warm(compiled.plan->max_batch());
  startup_.push_back({"warm_up", std::chrono::steady_clock::now() - begin});
  plan_ = compiled.plan;
  workflow_plan_ = compiled.workflow;
  stream::PipelineOptions pipeline_options;
  pipeline_options.slots = slots();
  pipeline_options.on_error = options_.passthrough_on_error ? stream::OnError::kPassthrough : stream::OnError::kFail;
  pipeline_options.on_batch = [this](const stream::BatchRecord& record) { batch_done(record); };
  if (options_.on_tap) pipeline_options.on_tap = tap_receiver(options_.on_tap);
  pipeline_ = std::make_unique<stream::Pipeline>(plan_, pipeline_options);
  pipeline_->open_stream(0, client::stream_options(settings));
  // A source that waits meets other batch sizes once, at its end; a live one at any time.
  warm_others_ = live_source_ && workflow_plan_ != nullptr;
  worker_ = std::thread([this] { work(); });
}

void Client::Impl::note_all(const workflow::TracedWorkflow& traced) {
  for (const std::string& note : traced.notes) log_info(*log_, note);
  const std::lock_guard lock(mutex_);
  notes_ = traced.notes;
}

void Client::Impl::batch_done(const stream::BatchRecord& record) {
  if (record.failed) return;
  const TimePoint end = std::chrono::steady_clock::now();
  const Duration took = record.upload + record.in_flight + record.download;
  const std::lock_guard lock(mutex_);
  for (const std::string& operation : timed_operations_) {
    timer_.record(operation, end - took, end, record.frames, record.run_size);
  }
}

stream::Pipeline& Client::Impl::pipeline() const {
  if (!pipeline_) throw Error(ErrorCode::kInvalidArgument, "no workflow runs", "call start() first");
  return *pipeline_;
}

FrameSize Client::Impl::input_size() const {
  const stream::PictureSpec spec = pipeline().input();
  return {spec.width, spec.height};
}

FrameSize Client::Impl::output_size() const {
  const stream::PictureSpec spec = pipeline().output();
  return {spec.width, spec.height};
}

int Client::Impl::max_batch() const {
  const std::lock_guard lock(mutex_);
  return plan_ ? plan_->max_batch() : 0;
}

void Client::Impl::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    job_.reset();
  }
  idle_.notify_all();
  if (worker_.joinable()) worker_.join();
  if (pipeline_) pipeline_->stop();
}

}  // namespace comfystream
