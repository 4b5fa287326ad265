// SPDX-License-Identifier: Apache-2.0
// What batches gain through the whole program: N images one at a time, then in batches of B with back pressure, over
// real frames and for each workflow. Writes batch_processing_benchmark_results.json with ComfyStream's keys:
//   fps_improvement  = FPS of batches / FPS one at a time
//   time_reduction   = 1 - time per image in batches / time per image one at a time
//   efficiency_ratio = fps_improvement / batch size
#include "comfystream/client.hpp"
#include "comfystream/media/open.hpp"
#include "comfystream/stream/batch_bench.hpp"
#include "comfystream/stream/report.hpp"
#include "comfystream/workflow/workflow.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace {

using comfystream::Client;
using comfystream::ClientOptions;
using comfystream::Frame;
using comfystream::FrameOutcome;
using comfystream::FrameResult;
using comfystream::FrameSize;
using comfystream::Picture;
using comfystream::Received;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct Options {
  std::vector<std::filesystem::path> workflows;
  ClientOptions client;
  std::string input = "testpattern:";
  int images = 10;
  int batch_size = 2;
  int rounds = 3;
  std::filesystem::path output = "batch_processing_benchmark_results.json";
};

std::vector<Picture> read_pictures(const std::string& input, FrameSize size, int count) {
  const auto source = comfystream::media::open_source(input, {.width = size.width, .height = size.height});
  std::vector<Picture> pictures;
  Frame frame;
  while (static_cast<int>(pictures.size()) < count && source->read(frame) == comfystream::media::ReadStatus::kFrame) {
    pictures.push_back(frame.picture.clone());
  }
  if (pictures.empty()) throw comfystream::Error(comfystream::ErrorCode::kInvalidArgument, input + " has no frames");
  return pictures;
}

void take_result(Client& client) {
  FrameResult result;
  while (client.receive(result, std::chrono::seconds(1)) != Received::kResult) {
  }
  if (result.outcome != FrameOutcome::kDone) {
    throw comfystream::Error(comfystream::ErrorCode::kBackend, "a frame failed: " + result.reason);
  }
}

/// A client of one batch size, and the ids it has given out.
class Runner {
 public:
  Runner(const Options& options, const std::string& workflow, int batch_size) : client_(of_batch(options, batch_size)) {
    const FrameSize size = client_.declared_size(workflow).value_or(FrameSize{512, 512});
    comfystream::StreamSettings settings{.when_full = comfystream::StreamSettings::WhenFull::kBlock};
    // Also where an engine's batches are larger, one image does not wait for others.
    if (batch_size == 1) settings.max_delay = std::chrono::microseconds(0);
    client_.start(workflow, size, settings);
  }

  Client& client() { return client_; }

  /// Each image is sent when the one before it has come back.
  double one_at_a_time(const std::vector<Picture>& pictures, int images) {
    const auto begin = Clock::now();
    for (int i = 0; i < images; ++i) {
      send(pictures);
      take_result(client_);
    }
    return seconds_since(begin);
  }

  /// The sender is held back by the queue alone.
  double in_batches(const std::vector<Picture>& pictures, int images) {
    const auto begin = Clock::now();
    std::thread sender([&] {
      for (int i = 0; i < images; ++i) send(pictures);
    });
    for (int i = 0; i < images; ++i) take_result(client_);
    sender.join();
    return seconds_since(begin);
  }

 private:
  static ClientOptions of_batch(const Options& options, int batch_size) {
    ClientOptions client = options.client;
    client.max_batch = batch_size;
    return client;
  }

  static double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }

  void send(const std::vector<Picture>& pictures) {
    Frame frame;
    frame.id = next_++;
    frame.pts = std::chrono::milliseconds(40) * frame.id;
    frame.picture = pictures[frame.id % pictures.size()].clone();
    client_.submit(std::move(frame));
  }

  Client client_;
  std::uint64_t next_ = 0;
};

Json timing(double total, int images) {
  return {
      {"total_time", total}, {"num_images", images}, {"fps", images / total}, {"avg_time_per_image", total / images}};
}

/// Both ways in turns; the median of the rounds is told.
Json measure(const Options& options, const std::filesystem::path& path) {
  const std::string workflow = comfystream::workflow::load_workflow(path).to_json().dump();
  Runner single(options, workflow, 1);
  Runner batch(options, workflow, options.batch_size);
  const int batch_size = batch.client().max_batch();  // the engines may run less than was asked for
  const auto pictures = read_pictures(options.input, single.client().input_size(), 16);
  // Whole batches: a half-filled one would wait for frames that do not come.
  const int images = (options.images + batch_size - 1) / batch_size * batch_size;
  // What the first batch of a size costs is start-up, not speed.
  (void)single.one_at_a_time(pictures, 1);
  (void)batch.in_batches(pictures, batch_size);
  std::vector<double> single_times;
  std::vector<double> batch_times;
  for (int round = 0; round < options.rounds; ++round) {
    single_times.push_back(single.one_at_a_time(pictures, images));
    batch_times.push_back(batch.in_batches(pictures, images));
  }
  const auto single_spread = comfystream::stream::spread_of(single_times);
  const auto batch_spread = comfystream::stream::spread_of(batch_times);
  Json single_json = timing(single_spread.median, images);
  Json batch_json = timing(batch_spread.median, images);
  single_json["rows_run"] = single.client().max_batch();  // above 1: padded to what the engines run
  batch_json["batch_size"] = batch_size;
  batch_json["avg_time_per_batch"] = batch_spread.median * batch_size / images;
  single_json["total_time_range"] = {single_spread.low, single_spread.high};
  batch_json["total_time_range"] = {batch_spread.low, batch_spread.high};
  const double improvement = single_spread.median / batch_spread.median;
  return {{"workflow", path.filename().string()},
          {"single_processing", single_json},
          {"batch_processing", batch_json},
          {"performance_gains",
           {{"fps_improvement", improvement},
            {"time_reduction", 1.0 - batch_spread.median / single_spread.median},
            {"efficiency_ratio", improvement / batch_size}}}};
}

void print(const Json& result) {
  const Json& gains = result["performance_gains"];
  std::printf("%-44s one at a time %7.2f FPS   batches of %d %7.2f FPS   x %.2f   efficiency %.2f\n",
              result["workflow"].get<std::string>().c_str(), result["single_processing"]["fps"].get<double>(),
              result["batch_processing"]["batch_size"].get<int>(), result["batch_processing"]["fps"].get<double>(),
              gains["fps_improvement"].get<double>(), gains["efficiency_ratio"].get<double>());
  const int rows = result["single_processing"]["rows_run"].get<int>();
  if (rows > 1)
    std::printf("  its engines run no fewer than %d images: one at a time, the others were padding\n", rows);
}

Json run(const Options& options) {
  Json all;
  for (const auto& path : options.workflows) {
    Json result = measure(options, path);
    print(result);
    // The first workflow's figures stand at the top, where ComfyStream's file has them.
    if (all.is_null()) all = result;
    all["workflows"].push_back(std::move(result));
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Batches against one image at a time, through the whole program", "benchmark_batch_processing"};
  app.add_option("workflows", options.workflows, "Workflows in ComfyUI's API format")->required();
  app.add_option("--models", options.client.models, "ComfyUI's models folder")->required();
  app.add_option("--backend", options.client.backend, "auto, cuda, openvino or reference")->capture_default_str();
  app.add_option("-i,--input", options.input, "Where the frames come from")->capture_default_str();
  app.add_option("-n,--images", options.images, "Images per round, rounded up to whole batches")->capture_default_str();
  app.add_option("-b,--batch-size", options.batch_size, "Images in a batch, as far as the engines run them")
      ->check(CLI::Range(2, 64))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Rounds in turns; their medians are told")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("-o,--output", options.output, "The file of results")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    comfystream::stream::write_report(run(options), options.output);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  std::printf("written: %s\n", options.output.c_str());
  return 0;
}
