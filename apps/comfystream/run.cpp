// SPDX-License-Identifier: Apache-2.0
// comfystream run: a source through a workflow into a sink.
#include "apps/comfystream/commands.hpp"
#include "apps/comfystream/exit_code.hpp"
#include "apps/comfystream/options.hpp"
#include "apps/comfystream/progress.hpp"
#include "apps/comfystream/signals.hpp"
#include "apps/comfystream/tap_writer.hpp"
#include "apps/comfystream/video_run.hpp"
#include "comfystream/client.hpp"
#include "comfystream/media/open.hpp"
#include "comfystream/stream/report.hpp"

#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace comfystream::app {
namespace {

using Clock = std::chrono::steady_clock;

struct RunOptions {
  WorkflowOptions workflow;
  std::string input;
  std::string output;
  std::string fit = "cover";
  std::string when_full;
  std::string on_error = "fail";
  std::filesystem::path report;
  std::filesystem::path taps;
  double max_delay_ms = -1;
  std::uint64_t frames = 0;
  double still_fps = 24;
  int quality = 18;
  bool no_audio = false;
  bool profile = false;
};

StreamSettings stream_settings(const RunOptions& options, bool live) {
  using WhenFull = StreamSettings::WhenFull;
  StreamSettings settings;
  settings.when_full = live ? WhenFull::kDropOldest : WhenFull::kBlock;
  if (options.when_full == "drop_oldest") settings.when_full = WhenFull::kDropOldest;
  if (options.when_full == "drop_newest") settings.when_full = WhenFull::kDropNewest;
  if (options.when_full == "block") settings.when_full = WhenFull::kBlock;
  settings.half_interval = live;
  if (options.max_delay_ms >= 0) {
    settings.half_interval = false;
    settings.max_delay = std::chrono::microseconds(static_cast<std::int64_t>(options.max_delay_ms * 1000));
  }
  return settings;
}

/// The run from the command line to the exit code, a step a function.
class RunCommand {
 public:
  explicit RunCommand(const RunOptions& options)
      : options_(options), begin_(Clock::now()), signals_([this](int count) { interrupt(count); }) {
    if (!options_.taps.empty()) taps_.emplace(options_.taps);
  }

  int run() {
    const std::string text = workflow_text(options_.workflow);
    Client client(client_settings());
    if (!options_.input.empty()) open_source(client.declared_size(text));
    const FrameSize size = source_ ? FrameSize{source_->info().width, source_->info().height} : FrameSize{512, 512};
    client.start(text, size, stream_settings(options_, source_ && source_->info().live));
    if (!client.running()) return kOk;  // it only wrote engines, which the log has told
    require_ends();
    open_sink(client.output_size());
    pass(client);
    return finish(client);
  }

 private:
  ClientOptions client_settings() {
    ClientOptions settings = client_options(options_.workflow);
    settings.passthrough_on_error = options_.on_error == "passthrough";
    settings.profile_nodes = options_.profile;
    if (taps_) settings.on_tap = [this](const TapPicture& tap) { taps_->write(tap); };
    return settings;
  }

  void require_ends() const {
    if (!options_.input.empty() && !options_.output.empty()) return;
    throw Error(ErrorCode::kInvalidArgument, "this workflow needs --input and --output",
                "--input FILE|camera:|rtsp://...|testpattern:|FOLDER, --output FILE.mp4|FOLDER/|null");
  }

  void open_source(const std::optional<FrameSize>& size) {
    if (!options_.output.empty()) media::check_distinct(options_.input, options_.output);
    media::SourceOptions source;
    if (size) {
      source.width = size->width;
      source.height = size->height;
    }
    source.fit = media::parse_fit(options_.fit);
    source.still_rate = {static_cast<int>(options_.still_fps * 1000), 1000};
    source.audio = !options_.no_audio && !options_.output.empty() && media::sink_takes_audio(options_.output);
    source.stop = stop_opening_.get_token();
    source_ = media::open_source(options_.input, source);
    if (!options_.workflow.quiet) std::fprintf(stderr, "input: %s\n", source_->info().description.c_str());
  }

  void open_sink(FrameSize size) {
    media::SinkOptions sink;
    sink.width = size.width;
    sink.height = size.height;
    sink.rate = source_->info().rate;
    sink.audio = source_->audio();
    sink.quality = options_.quality;
    sink_ = media::open_sink(options_.output, sink);
  }

  void pass(Client& client) {
    auto run = std::make_unique<VideoRun>(client, *source_, *sink_, options_.frames);
    {
      const std::lock_guard lock(mutex_);
      run_ = std::move(run);
      if (interrupts_ > 0) run_->interrupt(interrupts_);
    }
    std::optional<std::uint64_t> total = source_->info().frame_count;
    if (options_.frames > 0) total = std::min(total.value_or(options_.frames), options_.frames);
    Progress progress(total, options_.workflow.quiet);
    run_->run(progress);
  }

  int finish(Client& client) {
    std::optional<Error> failure = run_->failure();
    if (auto error = sink_->finish(); error && !failure) failure = std::move(error);
    client.stop();
    if (taps_ && !failure) failure = taps_->failure();
    for (const std::string& note : source_->notes()) tell("note: " + note);
    for (const std::string& note : sink_->notes()) tell("note: " + note);
    const bool complete = !failure && !signals_.received();
    if (complete) measure_gain(client);
    const nlohmann::ordered_json report = full_report(client);
    if (!options_.report.empty()) stream::write_report(report, options_.report);
    tell(summary(report));
    if (failure) throw Error(*failure);
    return signals_.received() ? kInterrupted : kOk;
  }

  /// Where the workflow has timers: batch 1 and the run's batch in turn over frames of this input.
  void measure_gain(Client& client) {
    if (client.performance_summary().empty() || run_->samples().empty()) return;
    const std::string table = client.measure_batches(run_->samples());
    std::printf("%s\n", client.performance_summary().c_str());
    if (!table.empty()) std::printf("\n%s\n", table.c_str());
  }

  nlohmann::ordered_json full_report(const Client& client) const {
    nlohmann::ordered_json report = nlohmann::ordered_json::parse(client.report());
    report["input"] = {{"description", source_->info().description},
                       {"frames_read", run_->read()},
                       {"lost_before_reading", source_->dropped()}};
    report["output"] = {{"path", options_.output}, {"frames_written", run_->written()}};
    if (run_->first_written()) {
      report["startup_ms"]["first_frame_out"] =
          std::chrono::duration<double, std::milli>(*run_->first_written() - begin_).count();
    }
    return report;
  }

  std::string summary(const nlohmann::ordered_json& report) const {
    char text[256];
    std::snprintf(text, sizeof text, "%llu frames in, %llu out, %.1f FPS, latency p50 %.1f ms, p95 %.1f ms",
                  static_cast<unsigned long long>(run_->read()), static_cast<unsigned long long>(run_->written()),
                  report.value("fps", 0.0), report["latency_ms"].value("p50", 0.0),
                  report["latency_ms"].value("p95", 0.0));
    return text + lost(report["frames"]) + (sink_ ? " -> " + options_.output : std::string());
  }

  /// What frames became that were not processed: " (3 dropped)", or nothing.
  static std::string lost(const nlohmann::ordered_json& frames) {
    std::string text;
    for (const char* outcome : {"dropped", "failed", "passthrough", "flushed", "refused"}) {
      const auto count = frames.value(outcome, std::uint64_t{0});
      if (count > 0) text += (text.empty() ? " (" : ", ") + std::to_string(count) + " " + outcome;
    }
    return text.empty() ? text : text + ")";
  }

  void tell(const std::string& line) const {
    if (!options_.workflow.quiet) std::fprintf(stderr, "%s\n", line.c_str());
  }

  void interrupt(int count) {
    stop_opening_.request_stop();
    const std::lock_guard lock(mutex_);
    interrupts_ = count;
    if (run_) run_->interrupt(count);
  }

  RunOptions options_;
  Clock::time_point begin_;
  std::mutex mutex_;  ///< guards run_ being set, and interrupts_
  int interrupts_ = 0;
  std::stop_source stop_opening_;
  Signals signals_;
  std::optional<TapWriter> taps_;
  std::unique_ptr<media::FrameSource> source_;
  std::unique_ptr<media::FrameSink> sink_;
  std::unique_ptr<VideoRun> run_;
};

}  // namespace

void add_run(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Run a workflow over a video, camera, URI or pictures");
  add_workflow_options(*command, options->workflow);
  add_batch_size(*command, options->workflow);
  command->add_option("-i,--input", options->input,
                      "Video file, camera:[DEVICE], rtsp:// or http:// URI, picture, folder, 'glob*.png', or "
                      "testpattern:WxH@FPSxFRAMES");
  command->add_option("-o,--output", options->output,
                      "FILE.mp4, .webm, .mkv (.mkv?lossless), FILE.png, FOLDER/ of PNGs, or null");
  command->add_option("--fit", options->fit, "How pictures of another shape come to the plan's size")
      ->check(CLI::IsMember({"cover", "contain", "stretch"}))
      ->capture_default_str();
  command->add_option("--frames", options->frames, "Stop after so many frames (0: all)")->capture_default_str();
  command
      ->add_option("--max-delay", options->max_delay_ms,
                   "Milliseconds that a frame may wait for a fuller batch (default: live half the frame interval; "
                   "else until the batch is full; 0: never)")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--queue", options->when_full,
                   "When frames come faster than they leave (default: live drop_oldest, else block)")
      ->check(CLI::IsMember({"drop_oldest", "drop_newest", "block"}));
  command->add_option("--on-error", options->on_error, "A frame that fails ends the run, or is sent on as it came")
      ->check(CLI::IsMember({"fail", "passthrough"}))
      ->capture_default_str();
  command->add_option("--still-fps", options->still_fps, "Frame rate of folders and globs of pictures")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--quality", options->quality, "Of lossy video, 0 (best) to 51")
      ->check(CLI::Range(0, 51))
      ->capture_default_str();
  command->add_flag("--no-audio", options->no_audio, "Leave the sound out");
  command->add_flag("--profile", options->profile, "Time by node in the report (slower)");
  command->add_option("--taps", options->taps,
                      "Write what PreviewImage and SaveImage beside the live output show into folders in this one");
  command->add_option("--report", options->report, "Write everything the run knows to this JSON file");
  command->callback([options, &exit_code] { exit_code = RunCommand(*options).run(); });
}

}  // namespace comfystream::app
