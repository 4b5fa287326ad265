// SPDX-License-Identifier: Apache-2.0
// Runs a workflow as the program compiles it, a batch at each line read, so that another program can take turns with
// it:
//
//   workflow_worker WORKFLOW --models DIR --size WxH --batch N [--backend B] [--threads N] [--save FOLDER]
//
// See worker.hpp for what it writes. Frames are floats; a batch's time goes from handing it over to its end.
#include "benchmarks/peers/worker.hpp"
#include "comfystream/client/workflow_compiler.hpp"
#include "comfystream/error.hpp"
#include "comfystream/models/weights/safetensors/writer.hpp"

#include <cstring>
#include <filesystem>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

namespace {

using comfystream::DType;
using comfystream::Tensor;
namespace client = comfystream::client;
namespace stream = comfystream::stream;
namespace weights = comfystream::weights;
namespace workflow = comfystream::workflow;

struct Options {
  std::string workflow;
  std::string models;
  std::string size = "512x512";
  int batch = 1;
  std::string backend = "openvino";
  int threads = 0;
  std::string save;
};

Options parse(int argc, char** argv) {
  Options options;
  CLI::App app("Runs a workflow, a batch at each line read");
  app.add_option("workflow", options.workflow)->required();
  app.add_option("--models", options.models, "ComfyUI's models folder")->required();
  app.add_option("--size", options.size, "WxH of frames and pictures");
  app.add_option("--batch", options.batch);
  app.add_option("--backend", options.backend);
  app.add_option("--threads", options.threads, "0: all");
  app.add_option("--save", options.save, "write frames and pictures into this folder");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return options;
}

workflow::Size parse_size(const std::string& text) {
  const auto cross = text.find('x');
  if (cross == std::string::npos) throw comfystream::Error(comfystream::ErrorCode::kInvalidArgument, "--size is WxH");
  return {std::stoi(text.substr(0, cross)), std::stoi(text.substr(cross + 1))};
}

/// Slopes and stripes, other ones in each row, as whole bytes / 255.
Tensor make_frames(int batch, const workflow::Size& size) {
  Tensor frames(DType::kF32, {batch, size.height, size.width, 3});
  auto* at = frames.mutable_values<float>().data();
  for (int row = 0; row < batch; ++row) {
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        for (const int byte : {x + 40 * row, y + x / 2 + 90 * row, (x / 16 + y / 24) * 40 + 60 * row}) {
          *at++ = static_cast<float>(byte % 256) / 255.0F;
        }
      }
    }
  }
  return frames;
}

double run(stream::BatchPlan& plan, stream::BatchPlan::Slot& slot, int batch) {
  const comfystream::peers::Stopwatch watch;
  plan.enqueue(slot, plan.run_size(batch));
  plan.wait(slot);
  return watch.milliseconds();
}

void save(const std::filesystem::path& folder, const Tensor& frames, const stream::BatchPlan& plan,
          const stream::BatchPlan::Slot& slot) {
  weights::WeightMap inputs("inputs");
  inputs.insert("frames", frames);
  weights::save_safetensors(folder / "inputs.safetensors", inputs);
  Tensor pictures(DType::kF32, {frames.shape()[0], plan.output().height, plan.output().width, 3});
  const std::size_t size = plan.output().size_bytes();
  for (int row = 0; row < static_cast<int>(frames.shape()[0]); ++row) {
    std::memcpy(pictures.mutable_bytes().data() + static_cast<std::size_t>(row) * size, slot.output_row(row).data(),
                size);
  }
  weights::WeightMap outputs("outputs");
  outputs.insert("output", pictures);
  weights::save_safetensors(folder / "outputs.safetensors", outputs);
}

void serve(const Options& options) {
  client::CompilerOptions settings;
  settings.models = options.models;
  settings.backend = options.backend;
  settings.threads = options.threads;
  const comfystream::peers::Stopwatch compiling;
  client::WorkflowCompiler compiler(settings);
  workflow::TraceOptions trace;
  trace.max_batch = options.batch;
  trace.size = trace.frames = parse_size(options.size);
  trace.input = trace.output = comfystream::PixelFormat::kRgbF32;
  const auto validated = compiler.check(workflow::load_workflow(options.workflow));
  const auto compiled = compiler.compile(compiler.trace(validated, trace));
  const double compile_ms = compiling.milliseconds();
  stream::BatchPlan& plan = *compiled.plan;
  const auto slot = plan.make_slot();
  const Tensor frames = make_frames(options.batch, trace.frames);
  const std::size_t size = plan.input().size_bytes();
  for (int row = 0; row < options.batch; ++row) {
    std::memcpy(slot->input_row(row).data(), frames.bytes().data() + static_cast<std::size_t>(row) * size, size);
  }
  const double first_ms = run(plan, *slot, options.batch);
  if (!options.save.empty()) save(options.save, frames, plan, *slot);
  comfystream::peers::serve(compile_ms, first_ms, [&] { return run(plan, *slot, options.batch); });
}

}  // namespace

int main(int argc, char** argv) {
  try {
    serve(parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "workflow_worker: " << error.what() << '\n';
    return 1;
  }
}
