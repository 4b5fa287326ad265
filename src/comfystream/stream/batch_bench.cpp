// SPDX-License-Identifier: Apache-2.0
#include "comfystream/stream/batch_bench.hpp"

#include "comfystream/error.hpp"
#include "comfystream/stream/picture_pool.hpp"
#include "comfystream/stream/pixels.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace comfystream::stream {
namespace {

double milliseconds(Duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

void check(const BenchCase& bench_case, std::span<const Picture> frames) {
  const int largest = bench_case.plan->max_batch();
  if (bench_case.batch_size < 1 || bench_case.batch_size > largest) {
    throw Error(ErrorCode::kInvalidArgument, "batch size " + std::to_string(bench_case.batch_size) +
                                                 " is outside of the plan's 1.." + std::to_string(largest));
  }
  if (frames.empty()) throw Error(ErrorCode::kInvalidArgument, "a benchmark without frames");
  const PictureSpec input = bench_case.plan->input();
  for (const Picture& frame : frames) {
    if (frame.width() == input.width && frame.height() == input.height) continue;
    throw Error(ErrorCode::kInvalidArgument, "a benchmark frame has " + std::to_string(frame.width()) + "x" +
                                                 std::to_string(frame.height()) + " pixels, the plan takes " +
                                                 std::to_string(input.width) + "x" + std::to_string(input.height));
  }
}

struct Round {
  double fps = 0;
  double latency_ms = 0;
  double device_ms = 0;
};

/// One case with its slots and a picture for the output.
class Runner {
 public:
  Runner(const BenchCase& bench_case, std::span<const Picture> frames, const BenchOptions& options, const Clock& clock)
      : plan_(bench_case.plan), batch_size_(bench_case.batch_size), frames_(frames), clock_(&clock) {
    for (int i = 0; i < std::max(options.slots, 1); ++i) slots_.push_back({plan_->make_slot(), {}});
    pictures_ = PicturePool::create(plan_->output(), 1);
    run(options.warm_up_batches);
    count_ = (std::max(options.frames, 1) + batch_size_ - 1) / batch_size_;
  }

  Round run_round() {
    latencies_.clear();
    device_times_.clear();
    const TimePoint begin = clock_->now();
    run(count_);
    const double elapsed = std::max(milliseconds(clock_->now() - begin), 1e-6);
    return {1000.0 * count_ * batch_size_ / elapsed, spread_of(latencies_).median, spread_of(device_times_).median};
  }

 private:
  struct InFlight {
    std::unique_ptr<BatchPlan::Slot> slot;
    TimePoint begin;
  };

  void run(int batches) {
    const int depth = static_cast<int>(slots_.size());
    for (int i = 0; i < batches + depth; ++i) {
      InFlight& flying = slots_[static_cast<std::size_t>(i % depth)];
      if (i >= depth && i - depth < batches) finish(flying);
      if (i < batches) start(flying);
    }
  }

  void start(InFlight& flying) {
    flying.begin = clock_->now();
    const int rows = plan_->run_size(batch_size_);
    for (int row = 0; row < rows; ++row) {
      const Picture& frame = frames_[next_++ % frames_.size()];
      copy_pixels(frame.bytes(), frame.format(), flying.slot->input_row(row), plan_->input().format);
    }
    plan_->enqueue(*flying.slot, rows);
  }

  void finish(InFlight& flying) {
    plan_->wait(*flying.slot);
    for (int row = 0; row < batch_size_; ++row) {
      Picture picture = pictures_->take();
      copy_pixels(flying.slot->output_row(row), picture.format(), picture.bytes(), picture.format());
    }
    latencies_.push_back(milliseconds(clock_->now() - flying.begin));
    device_times_.push_back(milliseconds(plan_->device_time(*flying.slot)));
  }

  std::shared_ptr<BatchPlan> plan_;
  int batch_size_;
  std::span<const Picture> frames_;
  const Clock* clock_;
  std::vector<InFlight> slots_;
  std::shared_ptr<PicturePool> pictures_;
  std::size_t next_ = 0;
  int count_ = 0;
  std::vector<double> latencies_;
  std::vector<double> device_times_;
};

template <typename Value>
Spread over_rounds(const std::vector<Round>& rounds, const Value& value) {
  std::vector<double> values;
  values.reserve(rounds.size());
  for (const Round& round : rounds) values.push_back(value(round));
  return spread_of(std::move(values));
}

BenchRow make_row(int batch_size, const std::vector<Round>& rounds, const std::vector<Round>* single) {
  BenchRow row;
  row.batch_size = batch_size;
  row.fps = over_rounds(rounds, [](const Round& round) { return round.fps; });
  row.ms_per_image = over_rounds(rounds, [](const Round& round) { return 1000.0 / round.fps; });
  row.latency_ms = over_rounds(rounds, [](const Round& round) { return round.latency_ms; });
  row.device_ms = over_rounds(rounds, [](const Round& round) { return round.device_ms; });
  if (single == nullptr) return row;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < rounds.size(); ++i) ratios.push_back(rounds[i].fps / (*single)[i].fps);
  row.throughput_ratio = spread_of(std::move(ratios));
  row.efficiency = row.throughput_ratio->median / batch_size;
  return row;
}

nlohmann::ordered_json spread_json(const Spread& spread) {
  return {{"median", spread.median}, {"low", spread.low}, {"high", spread.high}};
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

std::vector<BenchRow> run_batch_bench(const std::vector<BenchCase>& cases, std::span<const Picture> frames,
                                      const BenchOptions& options) {
  const std::shared_ptr<Clock> clock = options.clock ? options.clock : std::make_shared<SteadyClock>();
  std::vector<Runner> runners;
  for (const BenchCase& bench_case : cases) {
    check(bench_case, frames);
    runners.emplace_back(bench_case, frames, options, *clock);
  }
  std::vector<std::vector<Round>> rounds(cases.size());
  for (int round = 0; round < std::max(options.rounds, 1); ++round) {
    for (std::size_t i = 0; i < runners.size(); ++i) rounds[i].push_back(runners[i].run_round());
  }
  const std::vector<Round>* single = nullptr;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (cases[i].batch_size == 1) single = &rounds[i];
  }
  std::vector<BenchRow> rows;
  for (std::size_t i = 0; i < cases.size(); ++i) rows.push_back(make_row(cases[i].batch_size, rounds[i], single));
  return rows;
}

nlohmann::ordered_json to_json(const std::vector<BenchRow>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const BenchRow& row : rows) {
    list.push_back({{"batch_size", row.batch_size},
                    {"fps", spread_json(row.fps)},
                    {"ms_per_image", spread_json(row.ms_per_image)},
                    {"latency_ms", spread_json(row.latency_ms)},
                    {"device_ms", spread_json(row.device_ms)}});
    if (row.throughput_ratio) list.back()["throughput_ratio"] = spread_json(*row.throughput_ratio);
    if (row.efficiency) list.back()["efficiency"] = *row.efficiency;
  }
  return list;
}

std::string to_table(const std::vector<BenchRow>& rows) {
  std::string table =
      "batch  FPS [low..high]              ms/image  latency ms  device ms  ratio [low..high]   efficiency\n";
  for (const BenchRow& row : rows) {
    char text[160];
    std::snprintf(text, sizeof text, "%5d  %8.2f [%8.2f..%8.2f]  %9.3f  %10.3f  %9.3f", row.batch_size, row.fps.median,
                  row.fps.low, row.fps.high, row.ms_per_image.median, row.latency_ms.median, row.device_ms.median);
    table += text;
    if (row.throughput_ratio && row.efficiency) {
      std::snprintf(text, sizeof text, "  %5.2f [%5.2f..%5.2f]  %10.2f", row.throughput_ratio->median,
                    row.throughput_ratio->low, row.throughput_ratio->high, *row.efficiency);
      table += text;
    }
    table += '\n';
  }
  return table;
}

}  // namespace comfystream::stream
