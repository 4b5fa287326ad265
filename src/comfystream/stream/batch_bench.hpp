// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/core/clock.hpp"
#include "comfystream/frame.hpp"
#include "comfystream/stream/batch_plan.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace comfystream::stream {

/// A batch size and the plan that runs it. One plan may serve several sizes.
struct BenchCase {
  int batch_size = 1;
  std::shared_ptr<BatchPlan> plan;
};

struct BenchOptions {
  int frames = 32;                 ///< per case and round, rounded up to whole batches
  int rounds = 5;                  ///< the cases take turns, so that drift of the machine meets them alike
  int warm_up_batches = 2;         ///< per case, not counted
  int slots = 2;                   ///< batches in flight
  std::shared_ptr<Clock> clock{};  ///< SteadyClock when not given
};

/// The rounds' median, least and greatest value.
struct Spread {
  double median = 0;
  double low = 0;
  double high = 0;
};
/// Of at least one value.
[[nodiscard]] Spread spread_of(std::vector<double> values);

struct BenchRow {
  int batch_size = 1;
  Spread fps;
  Spread ms_per_image;
  Spread latency_ms;  ///< a frame's time from its batch's first byte in to its last byte out, round medians
  Spread device_ms;   ///< per batch, by the device's clock, round medians
  /// FPS over that of batch 1 in the same round, and its median over the batch size; empty when batch 1 is no case.
  std::optional<Spread> throughput_ratio;
  std::optional<double> efficiency;
};

/// Runs frames from memory through the plans, host copies in and out included. Throws Error(kInvalidArgument) for a
/// batch size that its plan does not hold or frames of another size than the plan's, and what the plans throw.
[[nodiscard]] std::vector<BenchRow> run_batch_bench(const std::vector<BenchCase>& cases,
                                                    std::span<const Picture> frames, const BenchOptions& options = {});

[[nodiscard]] nlohmann::ordered_json to_json(const std::vector<BenchRow>& rows);
/// A table for a terminal, one row per batch size, spreads as median [low..high].
[[nodiscard]] std::string to_table(const std::vector<BenchRow>& rows);

}  // namespace comfystream::stream
