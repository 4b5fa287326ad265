// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/core/clock.hpp"
#include "comfystream/stream/memory_use.hpp"
#include "comfystream/stream/pipeline.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace comfystream::stream {

/// A part of the time before the first frame: "map", "trace", "compile", "warm_up".
struct StartupTime {
  std::string part;
  Duration time{0};
};

/// Everything that a run knows, as one object in a stated order: frames (in, out, by outcome), fps, latency_ms, batches
/// (with the histogram of their sizes), stages_ms, plan_swaps, memory, startup_ms, streams. Durations are milliseconds.
/// "out" counts the frames that left with a picture. The caller adds what only it knows (workflow, device, ...).
[[nodiscard]] nlohmann::ordered_json make_report(const PipelineStats& stats, const MemoryUse& memory,
                                                 const std::vector<StartupTime>& startup = {});

/// Writes the report beside `path` first and then renames it, so that a reader never sees half of it. Throws Error(kIo)
/// with the path and the system's reason.
void write_report(const nlohmann::ordered_json& report, const std::filesystem::path& path);

}  // namespace comfystream::stream
