// SPDX-License-Identifier: Apache-2.0
#include "apps/comfystream/video_run.hpp"

#include "apps/comfystream/progress.hpp"

#include <thread>
#include <utility>

namespace comfystream::app {
namespace {

constexpr std::chrono::milliseconds kPoll{100};
constexpr std::size_t kSamples = 8;

}  // namespace

VideoRun::VideoRun(Client& client, media::FrameSource& source, media::FrameSink& sink, std::uint64_t frames)
    : client_(&client), source_(&source), sink_(&sink), frames_(frames) {}

void VideoRun::run(Progress& progress) {
  std::thread reader([this] { read_all(); });
  FrameResult result;
  while (true) {
    const Received received = client_->receive(result, kPoll);
    if (received == Received::kEnd) break;
    if (received == Received::kResult) take(result);
    progress.update(written_);
  }
  reader.join();
  if (!failure_ && source_->error()) failure_ = source_->error();
}

void VideoRun::read_all() {
  while (frames_ == 0 || read_ < frames_) {
    Frame frame;
    if (source_->read(frame) != media::ReadStatus::kFrame) break;
    ++read_;
    if (samples_.size() < kSamples) samples_.push_back(frame.picture.clone());
    const Submitted submitted = client_->submit(std::move(frame));
    if (submitted == Submitted::kClosed) break;
    if (submitted == Submitted::kRefused) ++refused_;
  }
  client_->end_stream();
}

void VideoRun::take(const FrameResult& result) {
  if (result.outcome == FrameOutcome::kFailed) {
    fail(Error(ErrorCode::kBackend, "frame " + std::to_string(result.frame.id) + " failed: " + result.reason,
               "--on-error passthrough sends such frames on as they came"));
  }
  const bool has_picture = result.outcome == FrameOutcome::kDone || result.outcome == FrameOutcome::kPassthrough;
  if (!has_picture || failure_) return;
  if (auto error = sink_->write(result.frame.picture, result.frame.pts, result.frame.id)) {
    fail(std::move(*error));
    return;
  }
  if (!first_written_) first_written_ = std::chrono::steady_clock::now();
  ++written_;
}

void VideoRun::fail(Error error) {
  if (failure_) return;
  failure_ = std::move(error);
  source_->stop();
  client_->flush();
}

void VideoRun::interrupt(int count) {
  source_->stop();
  if (count > 1) client_->flush();
}

}  // namespace comfystream::app
