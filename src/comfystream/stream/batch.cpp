// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/batch.hpp"

#include "comfystream/stream/pixels.hpp"

#include <cstring>
#include <exception>
#include <utility>

namespace comfystream::stream {
namespace {

/// Runs `work`; what it throws becomes text.
template <typename Work>
std::string error_of(const Work& work) {
  try {
    work();
    return {};
  } catch (const std::exception& error) {
    const std::string text = error.what();
    return text.empty() ? "the plan failed without saying why" : text;
  } catch (...) {
    return "the plan failed with something that is no std::exception";
  }
}

std::string size_text(int width, int height) { return std::to_string(width) + "x" + std::to_string(height); }

}  // namespace

Batch::Batch(PreparedPlan& plan, BatchPlan::Slot& slot)
    : plan_(&plan),
      slot_(&slot),
      input_(plan.plan->input()),
      output_(plan.plan->output()),
      taps_(plan.plan->taps()),
      items_(static_cast<std::size_t>(plan.plan->max_batch())) {}

void Batch::clear() noexcept {
  for (BatchItem& item : items()) item = {};
  count_ = 0;
  record_ = {};
}

void Batch::start(const Clock& clock, bool keep_inputs) {
  keep_inputs_ = keep_inputs;
  const TimePoint begin = clock.now();
  error_ = error_of([&] {
    write_rows();
    if (record_.frames > 0) plan_->plan->enqueue(*slot_, record_.run_size);
  });
  started_ = clock.now();
  record_.upload = started_ - begin;
}

void Batch::write_rows() {
  for (BatchItem& item : items()) {
    const Picture& picture = item.frame.picture;
    if (picture.empty() || picture.width() != input_.width || picture.height() != input_.height) {
      const std::string have = picture.empty() ? "no picture" : size_text(picture.width(), picture.height());
      item.reason = "frame " + std::to_string(item.frame.id) + " of stream " + std::to_string(item.frame.stream_id) +
                    " has " + have + ", the plan takes " + size_text(input_.width, input_.height);
      continue;
    }
    item.row = record_.frames++;
    copy_pixels(picture.bytes(), picture.format(), slot_->input_row(item.row), input_.format);
    if (!keep_inputs_) item.frame.picture = {};
  }
  if (record_.frames == 0) return;
  record_.run_size = plan_->plan->run_size(record_.frames);
  const auto last = slot_->input_row(record_.frames - 1);
  for (int row = record_.frames; row < record_.run_size; ++row) {
    std::memcpy(slot_->input_row(row).data(), last.data(), last.size());
  }
}

void Batch::wait(const Clock& clock) {
  if (!ran()) return;
  error_ = error_of([&] {
    plan_->plan->wait(*slot_);
    record_.device = plan_->plan->device_time(*slot_);
  });
  record_.in_flight = clock.now() - started_;
}

void Batch::settle(const Clock& clock) {
  const TimePoint begin = clock.now();
  for (BatchItem& item : items()) {
    if (item.row >= 0 && error_.empty()) {
      const std::string error = error_of([&] { download(item); });
      if (error.empty()) continue;
      item.reason = error;
    }
    fail(item);
  }
  record_.failed = !ran();
  record_.download = clock.now() - begin;
}

void Batch::show_taps(const std::function<void(const TapSpec&, const Frame&, std::span<const std::byte>)>& show) const {
  for (const BatchItem& item : std::span(items_).first(count_)) {
    if (item.outcome != FrameOutcome::kDone) continue;
    for (std::size_t tap = 0; tap < taps_.size(); ++tap) show(taps_[tap], item.frame, slot_->tap_row(tap, item.row));
  }
}

void Batch::download(BatchItem& item) {
  Picture leaving = plan_->pictures->take();
  copy_pixels(slot_->output_row(item.row), output_.format, leaving.bytes(), leaving.format());
  item.frame.picture = std::move(leaving);
  item.outcome = FrameOutcome::kDone;
}

void Batch::fail(BatchItem& item) {
  if (item.reason.empty()) item.reason = error_;
  const bool sent_on = keep_inputs_ && !item.frame.picture.empty();
  item.outcome = sent_on ? FrameOutcome::kPassthrough : FrameOutcome::kFailed;
  if (!sent_on) item.frame.picture = {};
}

}  // namespace comfystream::stream
