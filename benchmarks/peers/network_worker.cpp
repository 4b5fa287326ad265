// SPDX-License-Identifier: Apache-2.0
// Runs one network on one backend, a batch at each line read, so that another program can take turns with it:
//
//   network_worker NETWORK ARCH SIDE BATCH [--backend B] [--f16] [--threads N] [--ir FILE.xml] [--max-batch N]
//                  [--save FOLDER]
//
// NETWORK, ARCH and SIDE as tests/support/synth_networks.hpp has them; see worker.hpp for what it writes. A batch's
// time goes from handing it over to its end.
#include "comfystream/backend/registry.hpp"
#ifdef COMFYSTREAM_WITH_OPENVINO
#include "comfystream/backend/openvino/save_ir.hpp"
#endif
#include "benchmarks/peers/worker.hpp"
#include "comfystream/error.hpp"
#include "comfystream/models/weights/safetensors/writer.hpp"
#include "tests/support/synth_networks.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

namespace {

using comfystream::DType;
using comfystream::Shape;
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
  std::string save;
};

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
  app.add_option("--save", options.save, "write weights, inputs and outputs into this folder");
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

/// By name, as the slot gets them.
weights::WeightMap make_inputs(const graph::Graph& network, std::int64_t batch) {
  weights::WeightMap inputs("inputs");
  for (const graph::Value value : network.inputs()) {
    const graph::Node& node = network.node(value);
    inputs.insert(node.name,
                  weights::synth_tensor(node.name, node.type.shape.at(batch), weights::SynthKind::kEmbedding, 7, 2.0F));
  }
  return inputs;
}

void fill_inputs(const graph::Graph& network, const weights::WeightMap& inputs, backend::Slot& slot) {
  for (std::size_t index = 0; index < network.inputs().size(); ++index) {
    const Tensor& value = inputs.at(network.node(network.inputs()[index]).name);
    std::memcpy(slot.input(index).data(), value.bytes().data(), value.size_bytes());
  }
}

/// Files "<model>.safetensors", "inputs.safetensors" (parameters too) and "outputs.safetensors" ("output").
void save(const std::filesystem::path& folder, const comfystream::tests::NetworkWeights& files,
          const graph::Graph& network, weights::WeightMap inputs, const Tensor& output) {
  for (const auto& [name, map] : files) weights::save_safetensors(folder / (name + ".safetensors"), map);
  for (std::size_t index = 0; index < network.parameters().size(); ++index) {
    inputs.insert(network.node(network.parameters()[index]).name, backend::initial_parameter(network, index, 1));
  }
  weights::save_safetensors(folder / "inputs.safetensors", inputs);
  weights::WeightMap outputs("outputs");
  outputs.insert("output", output);
  weights::save_safetensors(folder / "outputs.safetensors", outputs);
}

double run(backend::Executable& executable, backend::Slot& slot, std::int64_t batch) {
  const comfystream::peers::Stopwatch watch;
  executable.enqueue(slot, batch);
  executable.wait(slot);
  return watch.milliseconds();
}

void serve(const Options& options) {
  auto files =
      comfystream::tests::synth_network_weights(options.network, options.arch, options.f16 ? DType::kF16 : DType::kF32);
  const graph::Graph network = comfystream::tests::synth_network(options.network, files, options.side);
  write_ir(network, options);
  const comfystream::peers::Stopwatch compiling;
  const auto device = backend::make_backend(options.backend);
  const auto executable = device->compile(network, {.max_batch = options.max_batch, .threads = options.threads});
  const double compile_ms = compiling.milliseconds();
  const auto slot = executable->make_slot();
  const auto inputs = make_inputs(network, options.batch);
  fill_inputs(network, inputs, *slot);
  const double first_ms = run(*executable, *slot, options.batch);
  if (!options.save.empty()) {
    const Shape shape = network.type(network.outputs().front().value).shape.at(options.batch);
    Tensor output(DType::kF32, shape);
    std::memcpy(output.mutable_bytes().data(), slot->output(0).data(), output.size_bytes());
    save(options.save, files, network, inputs, output);
  }
  files.clear();
  comfystream::peers::serve(compile_ms, first_ms, [&] { return run(*executable, *slot, options.batch); });
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
