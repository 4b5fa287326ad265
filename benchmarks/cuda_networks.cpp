// SPDX-License-Identifier: Apache-2.0
// Times the batch workflow and its networks on a card, full size, synthetic weights:
//
//   cuda_networks [--batches 1,2,4,8] [--parts whole,split,unet,control,taesd,depth] [--slots 3] [--json FILE]
//   [--profile] [--precision f16|bf16]
//
// "whole": noise, prompt and timestep come with every frame, so nothing is computed once for many batches. "split":
// they are parameters, and what they alone decide (the UNet's encoder, where the noise is fixed) is computed when they
// change. Milliseconds are medians of the device's own events around a batch, copies from and to the host included;
// "flight" is frames a second with several batches in flight, by the host's clock.
#include "benchmarks/sd15_workflow.hpp"
#include "comfystream/backend/cuda/cuda_backend.hpp"
#include "comfystream/backend/cuda/step_times.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace {

using namespace comfystream::benchmarks;  // NOLINT(google-build-using-namespace): a program of one file
namespace backend = comfystream::backend;
namespace graph = comfystream::graph;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string batches = "1,2,4,8";
  std::string parts = "whole,split,unet,control,taesd,depth";
  int rounds = 40;
  std::size_t slots = 3;
  std::string json;
  std::string cache;
  std::string precision = "f16";
  bool profile = false;
  bool no_tuning = false;
  bool versions = false;
  std::size_t lanes = 3;
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void fill(const graph::Graph& network, backend::Slot& slot, std::int64_t batch) {
  for (std::size_t i = 0; i < network.inputs().size(); ++i) {
    const auto value = input_value(network.node(network.inputs()[i]), batch);
    std::memcpy(slot.input(i).data(), value.bytes().data(), value.size_bytes());
  }
}

double alone_ms(backend::Executable& executable, backend::Slot& slot, std::int64_t batch, int rounds) {
  std::vector<double> times;
  for (int i = 0; i < rounds + 5; ++i) {
    executable.enqueue(slot, batch);
    executable.wait(slot);
    if (i >= 5) times.push_back(std::chrono::duration<double, std::milli>(executable.device_time(slot)).count());
  }
  return median(times);
}

double flight_fps(backend::Executable& executable, std::vector<std::unique_ptr<backend::Slot>>& slots,
                  std::int64_t batch, int rounds) {
  for (auto& slot : slots) executable.enqueue(*slot, batch);
  for (auto& slot : slots) executable.wait(*slot);
  const auto start = Clock::now();
  std::int64_t frames = 0;
  for (auto& slot : slots) executable.enqueue(*slot, batch);
  for (int i = 0; i < rounds; ++i) {
    auto& slot = slots[static_cast<std::size_t>(i) % slots.size()];
    executable.wait(*slot);
    frames += batch;
    if (i + static_cast<int>(slots.size()) < rounds) executable.enqueue(*slot, batch);
  }
  return static_cast<double>(frames) / seconds_since(start);
}

void print_profile(backend::Executable& executable, std::int64_t batch, const std::string& part) {
  struct Sum {
    double microseconds = 0;
    int count = 0;
  };
  std::map<std::string, Sum> kinds;
  std::map<std::string, Sum> steps;
  for (const auto& step : executable.time_steps(batch)) {
    const std::string scope = step.scope.substr(0, step.scope.find('/'));
    for (auto* sum : {&kinds[scope + " " + step.what.substr(0, step.what.find(' '))], &steps[step.what]}) {
      sum->microseconds += step.microseconds;
      ++sum->count;
    }
  }
  const auto print = [](const char* title, const std::map<std::string, Sum>& sums, std::size_t most) {
    std::vector<std::pair<std::string, Sum>> sorted(sums.begin(), sums.end());
    std::ranges::sort(sorted,
                      [](const auto& a, const auto& b) { return a.second.microseconds > b.second.microseconds; });
    std::printf("  %s\n", title);
    for (std::size_t i = 0; i < std::min(most, sorted.size()); ++i) {
      std::printf("    %9.1f us %4d x  %s\n", sorted[i].second.microseconds, sorted[i].second.count,
                  sorted[i].first.c_str());
    }
  };
  std::printf("profile of %s, b=%lld (each step alone)\n", part.c_str(), static_cast<long long>(batch));
  print("by kind", kinds, 40);
  print("by step", steps, 40);
}

nlohmann::json run_part(const Options& options, const Networks& nets, const std::string& part,
                        const std::vector<std::int64_t>& batches) {
  const bool flow = part == "whole" || part == "split";
  const graph::Graph network = flow ? workflow_graph(nets, part == "whole") : network_graph(nets, part);
  backend::CudaOptions settings;
  settings.precision = options.precision == "bf16" ? comfystream::DType::kBF16 : comfystream::DType::kF16;
  settings.tune = !options.no_tuning;
  settings.cache_folder = options.cache;
  settings.lanes = options.lanes;
  const auto device = backend::make_cuda_backend(settings);
  const auto start = Clock::now();
  const auto executable = device->compile(network, {.max_batch = std::ranges::max(batches)});
  const double compile_s = seconds_since(start);
  nlohmann::json rows = nlohmann::json::array();
  for (const auto batch : batches) {
    const auto warming = Clock::now();
    executable->warm(batch);
    std::vector<std::unique_ptr<backend::Slot>> slots;
    for (std::size_t i = 0; i < (flow ? options.slots : 1); ++i) {
      slots.push_back(executable->make_slot());
      fill(network, *slots.back(), batch);
    }
    const double warm_s = seconds_since(warming);
    const double ms = alone_ms(*executable, *slots.front(), batch, options.rounds);
    nlohmann::json row{{"part", part},
                       {"precision", options.precision},
                       {"batch", batch},
                       {"ms", ms},
                       {"fps", 1e3 * static_cast<double>(batch) / ms}};
    row["compile_s"] = compile_s;
    row["warm_s"] = warm_s;
    std::printf("%-8s b=%lld %8.3f ms %7.1f FPS", part.c_str(), static_cast<long long>(batch), ms,
                row["fps"].get<double>());
    if (flow) {
      row["flight_fps"] = flight_fps(*executable, slots, batch, options.rounds * 3);
      std::printf("  %zu in flight: %7.1f FPS", slots.size(), row["flight_fps"].get<double>());
    }
    row["memory_mib"] = backend::device_memory_used_mib();
    std::printf("  compile %.1f s, warm %.1f s, %.0f MiB\n", compile_s, warm_s, row["memory_mib"].get<double>());
    std::fflush(stdout);
    if (options.profile) print_profile(*executable, batch, part);
    rows.push_back(std::move(row));
  }
  return rows;
}

template <typename T>
std::vector<T> split(const std::string& text) {
  std::vector<T> values;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) {
    T value{};
    std::istringstream(item) >> value;
    values.push_back(value);
  }
  return values;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Times the batch workflow and its networks on a card");
  app.add_option("--batches", options.batches);
  app.add_option("--parts", options.parts);
  app.add_option("--rounds", options.rounds);
  app.add_option("--slots", options.slots);
  app.add_option("--lanes", options.lanes);
  app.add_option("--json", options.json);
  app.add_option("--cache", options.cache, "folder of the tuning cache");
  app.add_option("--precision", options.precision)->check(CLI::IsMember({"f16", "bf16"}));
  app.add_flag("--profile", options.profile);
  app.add_flag("--no-tuning", options.no_tuning);
  app.add_flag("--versions", options.versions, "print the libraries' versions and end");
  CLI11_PARSE(app, argc, argv);
  try {
    if (options.versions) {
      std::printf("%s\n", backend::cuda_library_versions().c_str());
      return 0;
    }
    const auto start = Clock::now();
    const Networks nets = make_networks("sd15", "depth-anything-v2-large");
    std::printf("weights made in %.1f s\n", seconds_since(start));
    nlohmann::json rows = nlohmann::json::array();
    for (const auto& part : split<std::string>(options.parts)) {
      for (auto& row : run_part(options, nets, part, split<std::int64_t>(options.batches)))
        rows.push_back(std::move(row));
    }
    if (!options.json.empty()) std::ofstream(options.json) << nlohmann::json{{"rows", rows}}.dump(1) << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "cuda_networks: " << error.what() << '\n';
    return 1;
  }
}
