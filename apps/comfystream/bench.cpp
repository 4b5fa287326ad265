// SPDX-License-Identifier: Apache-2.0
// comfystream bench: what a batch gains, measured.
#include "apps/comfystream/bench_kernels.hpp"
#include "apps/comfystream/commands.hpp"
#include "apps/comfystream/exit_code.hpp"
#include "apps/comfystream/options.hpp"
#include "comfystream/client/workflow_compiler.hpp"
#include "comfystream/core/log.hpp"
#include "comfystream/media/open.hpp"
#include "comfystream/stream/batch_bench.hpp"
#include "comfystream/stream/bench_plot.hpp"
#include "comfystream/stream/memory_use.hpp"
#include "comfystream/stream/report.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace comfystream::app {
namespace {

struct BenchCommandOptions {
  WorkflowOptions workflow;
  std::vector<int> batch_sizes = {1, 2, 4, 8};
  std::string input = "testpattern:";
  int frames = 32;
  int rounds = 5;
  bool profile = false;
  std::filesystem::path json;
  std::filesystem::path plot;
};

std::vector<Picture> read_frames(const std::string& input, const workflow::Size& size, std::size_t count) {
  media::SourceOptions options;
  options.width = size.width;
  options.height = size.height;
  const auto source = media::open_source(input, options);
  std::vector<Picture> pictures;
  Frame frame;
  while (pictures.size() < count && source->read(frame) == media::ReadStatus::kFrame) {
    pictures.push_back(frame.picture.clone());
  }
  if (pictures.empty()) throw Error(ErrorCode::kInvalidArgument, input + " has no frames");
  return pictures;
}

client::CompilerOptions compiler_options(const BenchCommandOptions& options) {
  const ClientOptions client = client_options(options.workflow);
  return {.models = client.models,
          .input = client.input,
          .vocabulary = {},
          .backend = client.backend,
          .devices = client.devices,
          .precision = client.precision,
          .threads = client.threads,
          .profile_nodes = options.profile,
          .log = make_stderr_log(options.workflow.quiet ? "error" : "info")};
}

nlohmann::ordered_json memory_json() {
  const stream::MemoryUse memory = stream::read_memory_use();
  return {{"peak_bytes", memory.peak}, {"anonymous_bytes", memory.anonymous}, {"mapped_bytes", memory.mapped}};
}

/// A workflow compiled once for the largest size, and its frames.
class BenchCommand {
 public:
  explicit BenchCommand(const BenchCommandOptions& options) : options_(options), compiler_(compiler_options(options)) {
    std::ranges::sort(options_.batch_sizes);
  }

  int run() {
    compile(compiler_.check(workflow_of(options_.workflow)));
    const auto input = compiled_.plan->input();
    const auto frames = read_frames(options_.input, {input.width, input.height}, 16);
    const int slots = stream::BenchOptions{}.slots * static_cast<int>(compiler_.backend().parallel_devices());
    const auto rows = stream::run_batch_bench(
        cases(), frames, {.frames = options_.frames, .rounds = options_.rounds, .slots = slots, .clock = {}});
    std::printf("%s\n", stream::to_table(rows).c_str());
    const auto memory = memory_json();
    std::printf("memory: peak %.2f GiB (anonymous %.2f, mapped %.2f now)\n", gib(memory["peak_bytes"]),
                gib(memory["anonymous_bytes"]), gib(memory["mapped_bytes"]));
    print_startup();
    if (compiled_.workflow) print_times();
    if (!options_.plot.empty()) write_plot(rows);
    nlohmann::ordered_json report = to_report(rows, memory);
    if (options_.profile && compiled_.workflow) profile_kernels(report);
    if (!options_.json.empty()) stream::write_report(report, options_.json);
    return kOk;
  }

 private:
  static double gib(const nlohmann::ordered_json& bytes) { return bytes.get<double>() / (1024.0 * 1024.0 * 1024.0); }

  void compile(const workflow::Validation& validated) {
    workflow::TraceOptions trace;
    trace.max_batch = options_.batch_sizes.back();
    if (const auto size = parse_size(options_.workflow.size)) trace.size = workflow::Size{size->width, size->height};
    trace.frames = workflow::declared_size(validated.workflow, trace.size).value_or(trace.size.value_or(trace.frames));
    workflow::TracedWorkflow traced = compiler_.trace(validated, trace);
    if (!traced.live) throw Error(ErrorCode::kInvalidArgument, "this workflow has no live input and output");
    for (const std::string& note : traced.notes) std::fprintf(stderr, "%s\n", note.c_str());
    compiled_ = compiler_.compile(std::move(traced));
  }

  /// The sizes that the plan runs as they are.
  std::vector<stream::BenchCase> cases() const {
    std::vector<stream::BenchCase> cases;
    for (const int size : options_.batch_sizes) {
      const bool runs = size <= compiled_.plan->max_batch() && compiled_.plan->run_size(size) == size;
      if (runs) cases.push_back({size, compiled_.plan});
      if (!runs) std::fprintf(stderr, "batch %d: the workflow's engines do not run it on its own\n", size);
    }
    if (cases.empty()) throw Error(ErrorCode::kInvalidArgument, "no batch size that the workflow's engines run");
    return cases;
  }

  [[nodiscard]] std::vector<stream::StartupTime> startup_times() const {
    auto times = compiled_.times;
    if (compiled_.workflow) {
      for (const auto& [part, time] : compiled_.workflow->startup_times()) times.push_back({part, time});
    }
    return times;
  }

  void print_startup() const {
    std::printf("start-up:");
    for (const auto& part : startup_times()) {
      std::printf(" %s %.2f s", part.part.c_str(), std::chrono::duration<double>(part.time).count());
    }
    std::printf("\n");
  }

  void write_plot(const std::vector<stream::BenchRow>& rows) const {
    const auto devices = compiler_.backend().devices();
    const std::string title = options_.workflow.workflow.filename().string() + ", " + compiler_.backend().name() +
                              (devices.empty() ? "" : " on " + devices.front().name) + ", " +
                              std::string(to_string(compiler_.backend().precision()));
    std::ofstream out(options_.plot, std::ios::binary);
    if (!(out << stream::to_svg(rows, title)).flush()) {
      throw Error(ErrorCode::kIo, "cannot write " + options_.plot.string());
    }
  }

  /// Each kernel of the largest batch alone, where the backend has such.
  void profile_kernels(nlohmann::ordered_json& report) {
    const int batch = options_.batch_sizes.back();
    const auto steps = compiled_.workflow->time_steps(std::min(batch, compiled_.plan->max_batch()));
    if (steps.empty()) return;
    const auto ceilings = compiler_.backend().measure_ceilings();
    std::printf(
        "\nkernels of a batch of %d, each alone (the device: %.0f TFLOP/s in a large product, %.2f TB/s in a "
        "copy):\n%s\nthe same by node:\n%s",
        batch, ceilings.flops_per_second * 1e-12, ceilings.bytes_per_second * 1e-12,
        to_table(sum_by_kind(steps), ceilings).c_str(), to_table(sum_by_node(steps), ceilings).c_str());
    report["kernels"] = {{"batch_size", batch},
                         {"ceiling_tflops", ceilings.flops_per_second * 1e-12},
                         {"ceiling_tbps", ceilings.bytes_per_second * 1e-12},
                         {"by_kind", to_json(sum_by_kind(steps))},
                         {"by_node", to_json(sum_by_node(steps))}};
  }

  void print_times() const {
    const auto times = compiled_.workflow->time_by_scope();
    if (times.empty()) return;
    std::printf("\ndevice time of the last batch by node:\n");
    for (const auto& [scope, time] : times) {
      std::printf("  %-36s %9.2f ms\n", scope.c_str(), std::chrono::duration<double, std::milli>(time).count());
    }
  }

  nlohmann::ordered_json to_report(const std::vector<stream::BenchRow>& rows,
                                   const nlohmann::ordered_json& memory) const {
    nlohmann::ordered_json startup;
    for (const auto& part : startup_times()) {
      startup[part.part] = std::chrono::duration<double, std::milli>(part.time).count();
    }
    return {{"workflow", options_.workflow.workflow.string()},
            {"backend", compiler_.backend().name()},
            {"precision", to_string(compiler_.backend().precision())},
            {"frames_per_round", options_.frames},
            {"rounds", options_.rounds},
            {"rows", stream::to_json(rows)},
            {"memory", memory},
            {"startup_ms", startup}};
  }

  BenchCommandOptions options_;
  client::WorkflowCompiler compiler_;
  client::CompiledWorkflow compiled_;
};

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<BenchCommandOptions>();
  CLI::App* command = app.add_subcommand("bench", "Measure batch sizes against batch 1, in turns");
  add_workflow_options(*command, options->workflow);
  command->add_option("--batch-sizes", options->batch_sizes, "Sizes to measure")
      ->delimiter(',')
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("-i,--input", options->input, "Where the frames come from, as in run")->capture_default_str();
  command->add_option("--frames", options->frames, "Frames per size and round")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--rounds", options->rounds, "Rounds, of which median and spread are told")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--profile", options->profile,
                    "Time by node (slower); on a GPU also by kind of kernel, beside what the card reaches at most");
  command->add_option("--plot", options->plot, "Draw speed and latency against batch size into this SVG file");
  command->add_option("--json", options->json, "Write the figures to this file");
  command->callback([options, &exit_code] { exit_code = BenchCommand(*options).run(); });
}

}  // namespace comfystream::app
