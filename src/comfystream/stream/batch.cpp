// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/batch.hpp"

#include "comfystream/device.hpp"
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
  slot_->clear_rows();
  const Picture* last = nullptr;
  for (BatchItem& item : items()) {
    item.reason = refusal(item.frame);
    if (!item.reason.empty()) continue;
    item.row = record_.frames++;
    write_row(item);
    last = &item.frame.picture;
  }
  if (record_.frames == 0) return;
  record_.run_size = plan_->plan->run_size(record_.frames);
  pad(last);
}

std::string Batch::refusal(const Frame& frame) const {
  const Picture& picture = frame.picture;
  const bool fits = !picture.empty() && picture.width() == input_.width && picture.height() == input_.height;
  const bool reached = picture.device() == nullptr || slot_->reaches_device() || plan_->plan->passes_through();
  if (fits && reached) return {};
  std::string have = picture.empty() ? "no picture" : size_text(picture.width(), picture.height());
  std::string want = size_text(input_.width, input_.height);
  if (fits) {
    have = "its picture on device " + std::to_string(picture.device()->device());
    want = "pictures on the host";
  }
  return "frame " + std::to_string(frame.id) + " of stream " + std::to_string(frame.stream_id) + " has " + have +
         ", the plan takes " + want;
}

void Batch::write_row(BatchItem& item) {
  Picture& picture = item.frame.picture;
  if (picture.device() == nullptr) {
    copy_pixels(picture.bytes(), picture.format(), slot_->input_row(item.row), input_.format);
    if (!keep_inputs_) picture = {};
  } else if (!plan_->plan->passes_through()) {
    slot_->read_row(item.row, picture);
    item.leaving = slot_->write_row(item.row, plan_->pictures->spec().format);
  }
}

void Batch::pad(const Picture* last) {
  const auto source = slot_->input_row(record_.frames - 1);
  for (int row = record_.frames; row < record_.run_size; ++row) {
    if (last->device() != nullptr) {
      slot_->read_row(row, *last);
    } else {
      std::memcpy(slot_->input_row(row).data(), source.data(), source.size());
    }
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
  if (item.frame.picture.device() == nullptr) {
    item.leaving = plan_->pictures->take();
    copy_pixels(slot_->output_row(item.row), output_.format, item.leaving.bytes(), item.leaving.format());
  }
  // A picture on a card that passed through is its own result.
  if (!item.leaving.empty()) item.frame.picture = std::move(item.leaving);
  item.outcome = FrameOutcome::kDone;
}

void Batch::fail(BatchItem& item) {
  if (item.reason.empty()) item.reason = error_;
  const bool sent_on = keep_inputs_ && !item.frame.picture.empty();
  item.outcome = sent_on ? FrameOutcome::kPassthrough : FrameOutcome::kFailed;
  if (!sent_on) item.frame.picture = {};
}

}  // namespace comfystream::stream
