// SPDX-License-Identifier: Apache-2.0
#include "comfystream/client.hpp"

#include "comfystream/backend/registry.hpp"
#include "comfystream/client/client_impl.hpp"
#include "comfystream/client/stream_settings.hpp"

#include <utility>

namespace comfystream {
namespace {

Submitted to_public(stream::SubmitStatus status) {
  switch (status) {
    case stream::SubmitStatus::kAccepted:
      return Submitted::kAccepted;
    case stream::SubmitStatus::kDropped:
      return Submitted::kDropped;
    case stream::SubmitStatus::kRefused:
      return Submitted::kRefused;
    case stream::SubmitStatus::kClosed:
      break;
  }
  return Submitted::kClosed;
}

Received to_public(stream::WaitStatus status) {
  switch (status) {
    case stream::WaitStatus::kResult:
      return Received::kResult;
    case stream::WaitStatus::kTimeout:
      return Received::kTimeout;
    case stream::WaitStatus::kEnd:
      break;
  }
  return Received::kEnd;
}

}  // namespace

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

std::optional<FrameSize> Client::declared_size(std::string_view workflow) const {
  return impl_->declared_size(workflow);
}
void Client::start(std::string_view workflow, FrameSize frames, const StreamSettings& settings) {
  impl_->start(workflow, frames, settings);
}
bool Client::running() const noexcept { return impl_->running(); }
FrameSize Client::input_size() const { return impl_->input_size(); }
FrameSize Client::output_size() const { return impl_->output_size(); }
int Client::max_batch() const { return impl_->max_batch(); }
bool Client::takes_device_pictures() const noexcept { return impl_->takes_device_pictures(); }
Updated Client::update(std::string_view workflow) { return impl_->update(workflow); }
std::optional<Error> Client::wait_for_update() { return impl_->wait_for_update(); }

void Client::open_stream(std::uint32_t stream, const StreamSettings& settings) {
  impl_->pipeline().open_stream(stream, client::stream_options(settings));
}
void Client::close_stream(std::uint32_t stream) { impl_->pipeline().close_stream(stream); }
Submitted Client::submit(Frame&& frame) { return to_public(impl_->pipeline().submit(std::move(frame))); }
Submitted Client::try_submit(Frame&& frame) { return to_public(impl_->pipeline().try_submit(std::move(frame))); }
void Client::end_stream(std::uint32_t stream) { impl_->pipeline().end_stream(stream); }
std::size_t Client::flush(std::uint32_t stream) { return impl_->pipeline().flush(stream); }
Received Client::receive(FrameResult& result, std::chrono::milliseconds timeout, std::uint32_t stream) {
  return to_public(impl_->pipeline().wait(stream, result, timeout));
}
StreamQueues Client::queues(std::uint32_t stream) const {
  const auto queues = impl_->pipeline().queues(stream);
  if (!queues) return {};
  return {queues->waiting, queues->running, queues->pictures, queues->input_capacity, queues->output_capacity};
}
void Client::stop() { impl_->stop(); }
std::string Client::report() const { return impl_->report(); }
std::string Client::performance_summary() const { return impl_->performance_summary(); }
std::string Client::measure_batches(std::span<const Picture> frames) { return impl_->measure_batches(frames); }

std::shared_ptr<DeviceGate> make_device_gate() { return backend::make_device_gate(); }

}  // namespace comfystream
