// SPDX-License-Identifier: Apache-2.0
// comfystream models synth: a models folder of random weights.
#include "apps/comfystream/commands.hpp"
#include "apps/comfystream/exit_code.hpp"
#include "comfystream/models/synth/model_files.hpp"
#include "comfystream/models/synth/synth.hpp"

#include <cstdio>
#include <map>
#include <memory>
#include <string>

namespace comfystream::app {
namespace {

const std::map<std::string, DType> kDtypes{{"f16", DType::kF16}, {"bf16", DType::kBF16}, {"f32", DType::kF32}};

struct SynthOptions {
  synth::SynthRequest request;
  std::string dtype = "f16";
  bool quiet = false;
};

int synthesize(SynthOptions options) {
  options.request.dtype = kDtypes.at(options.dtype);
  if (!options.quiet) {
    options.request.on_file = [](const std::string& path) { std::fprintf(stderr, "%s\n", path.c_str()); };
  }
  std::uint64_t bytes = 0;
  const auto files = synth::synth_models(options.request);
  for (const synth::SynthFile& file : files) bytes += file.bytes;
  if (!options.quiet) {
    std::fprintf(stderr, "%zu files, %.1f MiB, in %s\n", files.size(), static_cast<double>(bytes) / (1 << 20),
                 options.request.folder.c_str());
  }
  return kOk;
}

std::string arch_help() {
  std::string names;
  for (const std::string& name : synth::arch_names()) names += (names.empty() ? "" : ", ") + name;
  return "One of: " + names;
}

}  // namespace

void add_models(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<SynthOptions>();
  CLI::App* group = app.add_subcommand("models", "Model files");
  group->require_subcommand(1);
  CLI::App* command = group->add_subcommand(
      "synth",
      "Write a models folder of deterministic random weights in real layouts, to run and measure without "
      "downloading; the pictures are no art");
  command->add_option("--arch", options->request.arch, arch_help())->capture_default_str();
  command->add_option("--depth", options->request.depth_arch, "Another depth network than the one that goes with it");
  command->add_option("--seed", options->request.seed, "Of the weights")->capture_default_str();
  command->add_option("--dtype", options->dtype, "Of the weights")
      ->check(CLI::IsMember(kDtypes))
      ->capture_default_str();
  command->add_option("--threads", options->request.threads, "0: all cores")->capture_default_str();
  command->add_option("-o,--output", options->request.folder, "The models folder to write")->required();
  command->add_flag("-q,--quiet", options->quiet, "Say nothing but errors");
  command->callback([options, &exit_code] { exit_code = synthesize(*options); });
}

}  // namespace comfystream::app
