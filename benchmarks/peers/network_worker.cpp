// SPDX-License-Identifier: Apache-2.0
// Runs one network on one backend, a batch at each line read, so that another program can take turns with it:
//
//   network_worker NETWORK ARCH SIDE BATCH [--backend B] [--f16] [--threads N] [--ir FILE.xml] [--max-batch N]
//
// NETWORK, ARCH and SIDE as tests/support/synth_networks.hpp has them. Answers each line "run" with the milliseconds
// that one batch took from handing it over to its end, and ends with its input. The first line it writes is a JSON
// object: compile_ms, first_ms, anonymous_mib, peak_mib.
#include "comfystream/backend/registry.hpp"
#ifdef COMFYSTREAM_WITH_OPENVINO
#include "comfystream/backend/openvino/save_ir.hpp"
#endif
#include "comfystream/error.hpp"
#include "tests/support/synth_networks.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace {

using comfystream::DType;
using comfystream::Tensor;
namespace backend = comfystream::backend;
namespace graph = comfystream::graph;
namespace weights = comfystream::weights;

struct Options {
  std::string network;
  std::string arch;
  std::int64_t side = 0;
  std::int64_t batch = 1;
  std::int64_t max_batch = 0;
  std::string backend = "openvino";
  bool f16 = false;
  int threads = 0;
  std::string ir;
};

class Stopwatch {
 public:
  [[nodiscard]] double milliseconds() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// A field of /proc/self/status in MiB; 0 where the system has none.
double status_mib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::stod(line.substr(field.size() + 1)) / 1024;
  }
  return 0;
}

Options parse(int argc, char** argv) {
  Options options;
  CLI::App app("Runs one network on one backend, a batch at each line read");
  app.add_option("network", options.network)->required();
  app.add_option("arch", options.arch)->required();
  app.add_option("side", options.side)->required();
  app.add_option("batch", options.batch)->required();
  app.add_option("--max-batch", options.max_batch, "largest batch to compile for (default: the batch)");
  app.add_option("--backend", options.backend);
  app.add_flag("--f16", options.f16, "store weights in half precision");
  app.add_option("--threads", options.threads, "0: all");
  app.add_option("--ir", options.ir, "write the OpenVINO model here first");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  options.max_batch = std::max(options.max_batch, options.batch);
  return options;
}

void write_ir(const graph::Graph& network, const Options& options) {
#ifdef COMFYSTREAM_WITH_OPENVINO
  if (!options.ir.empty()) backend::save_ir(network, options.max_batch, options.ir);
#else
  static_cast<void>(network);
  if (!options.ir.empty()) throw comfystream::Error(comfystream::ErrorCode::kUnsupported, "built without OpenVINO");
#endif
}

void fill_inputs(const graph::Graph& network, backend::Slot& slot, std::int64_t batch) {
  for (std::size_t index = 0; index < network.inputs().size(); ++index) {
    const graph::Node& node = network.node(network.inputs()[index]);
    const Tensor value =
        weights::synth_tensor(node.name, node.type.shape.at(batch), weights::SynthKind::kEmbedding, 7, 2.0F);
    std::memcpy(slot.input(index).data(), value.bytes().data(), value.size_bytes());
  }
}

double run(backend::Executable& executable, backend::Slot& slot, std::int64_t batch) {
  const Stopwatch watch;
  executable.enqueue(slot, batch);
  executable.wait(slot);
  return watch.milliseconds();
}

void serve(const Options& options) {
  const graph::Graph network = comfystream::tests::synth_network(options.network, options.arch, options.side,
                                                                 options.f16 ? DType::kF16 : DType::kF32);
  write_ir(network, options);
  const Stopwatch compiling;
  const auto device = backend::make_backend(options.backend);
  const auto executable = device->compile(network, {.max_batch = options.max_batch, .threads = options.threads});
  const double compile_ms = compiling.milliseconds();
  const auto slot = executable->make_slot();
  fill_inputs(network, *slot, options.batch);
  const double first_ms = run(*executable, *slot, options.batch);
  std::cout << nlohmann::json{{"compile_ms", compile_ms},
                              {"first_ms", first_ms},
                              {"anonymous_mib", status_mib("RssAnon")},
                              {"peak_mib", status_mib("VmHWM")}}
            << std::endl;
  for (std::string line; std::getline(std::cin, line) && line == "run";) {
    std::cout << run(*executable, *slot, options.batch) << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    serve(parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "network_worker: " << error.what() << '\n';
    return 1;
  }
}
