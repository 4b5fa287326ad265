// SPDX-License-Identifier: Apache-2.0
// Writes what a backend makes of the full-size networks, or compares it with what another one wrote:
//
//   network_outputs BACKEND FOLDER [--compare] [--parts depth,taesd,control,unet,workflow,img2img] [--batch N]
//   [--equal] [--precision f16|bf16|f32]
//
// Frames of a batch are the same inputs on every machine. Outputs are raw floats (bytes for the workflow), one file
// each. Comparing prints for each output the mean error relative to the mean size of the expected values (bytes: PSNR
// and the share within 2), and ends with 1 if a mean is above 2e-3 or a PSNR below 40 dB.
#include "benchmarks/sd15_workflow.hpp"
#include "comfystream/backend/registry.hpp"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <CLI/CLI.hpp>

namespace {

using namespace comfystream::benchmarks;  // NOLINT(google-build-using-namespace): a program of one file
namespace backend = comfystream::backend;
namespace graph = comfystream::graph;
using comfystream::DType;
using comfystream::Tensor;

struct Options {
  std::string backend;
  std::filesystem::path folder;
  bool compare = false;
  std::string parts = "depth,taesd,control,unet,workflow,img2img";
  std::int64_t batch = 1;
  bool equal = false;
  std::string precision = "auto";
};

std::vector<char> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool compare_bytes(const std::string& name, const unsigned char* actual, const unsigned char* expected,
                   std::size_t count) {
  double squares = 0;
  std::size_t close = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const int difference = static_cast<int>(actual[i]) - static_cast<int>(expected[i]);
    squares += static_cast<double>(difference) * difference;
    close += std::abs(difference) <= 2 ? 1U : 0U;
  }
  const double psnr = squares == 0 ? 99.0 : 10.0 * std::log10(255.0 * 255.0 * static_cast<double>(count) / squares);
  std::printf("%-24s PSNR %.1f dB, within 2: %.3f %%\n", name.c_str(), psnr,
              100.0 * static_cast<double>(close) / static_cast<double>(count));
  return psnr >= 40.0;
}

bool compare_floats(const std::string& name, std::span<const float> actual, const float* expected) {
  double error = 0;
  double size = 0;
  double worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double difference = std::abs(static_cast<double>(actual[i]) - expected[i]);
    error += difference;
    worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
    size += std::abs(static_cast<double>(expected[i]));
  }
  std::printf("%-24s mean error %.2e of mean size %.3g, worst %.2e\n", name.c_str(), error / size,
              size / static_cast<double>(actual.size()), worst);
  return error / size <= 2e-3;
}

bool check_output(const Options& options, const std::string& name, const Tensor& actual) {
  const auto path = options.folder / name;
  if (!options.compare) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(actual.bytes().data()), static_cast<std::streamsize>(actual.size_bytes()));
    std::printf("%s written\n", path.c_str());
    return true;
  }
  const auto expected = read_file(path);
  if (expected.empty()) {
    std::printf("%-24s no expected values in %s\n", name.c_str(), options.folder.c_str());
    return false;
  }
  const std::size_t common = std::min(expected.size(), actual.size_bytes());  // frames that both have
  if (actual.dtype() == DType::kU8) {
    return compare_bytes(name, reinterpret_cast<const unsigned char*>(actual.bytes().data()),
                         reinterpret_cast<const unsigned char*>(expected.data()), common);
  }
  return compare_floats(name, actual.values<float>().first(common / sizeof(float)),
                        reinterpret_cast<const float*>(expected.data()));
}

graph::Graph graph_of(const Networks& nets, const std::string& part) {
  if (part == "workflow") return workflow_graph(nets, true);
  return part == "img2img" ? image_to_image_graph(nets) : network_graph(nets, part);
}

bool run_part(const Options& options, const Networks& nets, const std::string& part) {
  const graph::Graph network = graph_of(nets, part);
  const auto device = backend::make_backend(options.backend, {}, backend::parse_precision(options.precision));
  const auto executable = device->compile(network, {.max_batch = options.batch});
  std::vector<Tensor> inputs;
  for (const auto value : network.inputs()) {
    inputs.push_back(input_value(network.node(value), options.batch));
  }
  const auto outputs = backend::run_once(*executable, network, inputs, options.batch);
  bool good = true;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    good = check_output(options, part + "." + network.outputs()[i].name, outputs[i]) && good;
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Writes or compares what a backend makes of the full-size networks");
  app.add_option("backend", options.backend)->required();
  app.add_option("folder", options.folder)->required();
  app.add_flag("--compare", options.compare);
  app.add_option("--parts", options.parts);
  app.add_option("--batch", options.batch);
  app.add_option("--precision", options.precision, "of the backend");
  app.add_flag("--equal", options.equal, "weights of equal spread instead of those of `comfystream models synth`");
  CLI11_PARSE(app, argc, argv);
  try {
    std::filesystem::create_directories(options.folder);
    const Networks nets =
        make_networks("sd15", "depth-anything-v2-large", options.equal ? Gains::kEqual : Gains::kHeard);
    bool good = true;
    std::istringstream parts(options.parts);
    for (std::string part; std::getline(parts, part, ',');) good = run_part(options, nets, part) && good;
    return good ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "network_outputs: " << error.what() << '\n';
    return 1;
  }
}
