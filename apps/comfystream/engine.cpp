// SPDX-License-Identifier: Apache-2.0
// comfystream engine build: an engine file from a checkpoint.
#include "apps/comfystream/commands.hpp"
#include "apps/comfystream/exit_code.hpp"
#include "comfystream/error.hpp"
#include "comfystream/models/engine/build_engine.hpp"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include <unistd.h>

namespace comfystream::app {
namespace {

struct EngineOptions {
  std::filesystem::path checkpoint;
  std::filesystem::path output;
  std::string batch, height, width, context;
  std::string dtype = "f16";
  std::string depth_version;
};

std::optional<engine::ProfileRange> parse_range(const char* option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  return engine::parse_profile_range(text, option);
}

DType parse_dtype(const std::string& text) {
  if (text == "f32") return DType::kF32;
  return text == "bf16" ? DType::kBF16 : DType::kF16;
}

std::optional<models::DepthAnythingVersion> parse_version(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text == "v1" ? models::DepthAnythingVersion::kV1 : models::DepthAnythingVersion::kV2;
}

engine::BuildRequest request_of(const EngineOptions& options) {
  engine::BuildRequest request;
  request.checkpoint = options.checkpoint;
  request.output = options.output;
  request.batch = parse_range("--batch", options.batch);
  request.height = parse_range("--height", options.height);
  request.width = parse_range("--width", options.width);
  request.context = parse_range("--context", options.context);
  request.dtype = parse_dtype(options.dtype);
  request.depth_version = parse_version(options.depth_version);
  if (isatty(STDERR_FILENO) == 1) {
    request.progress = [](std::uint64_t done, std::uint64_t total) {
      std::fprintf(stderr, "\r\033[K%.0f of %.0f MiB", static_cast<double>(done) / (1 << 20),
                   static_cast<double>(total) / (1 << 20));
      if (done == total) std::fprintf(stderr, "\r\033[K");
    };
  }
  return request;
}

int build(const EngineOptions& options) {
  const engine::EngineInfo info = engine::build_engine(request_of(options));
  const engine::EngineProfile& profile = info.profile;
  std::printf("%s: %s, batch %s, height %s, width %s, context %s, %s, from %s\n", options.output.c_str(),
              std::string(to_string(info.kind)).c_str(), profile.batch.to_string().c_str(),
              profile.height.to_string().c_str(), profile.width.to_string().c_str(),
              profile.context.to_string().c_str(), options.dtype.c_str(), info.source_file.c_str());
  return kOk;
}

}  // namespace

void add_engine(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<EngineOptions>();
  CLI::App* group = app.add_subcommand("engine", "Engine files");
  group->require_subcommand(1);
  CLI::App* command = group->add_subcommand("build", "Make an engine file from a checkpoint (UNet or depth network)");
  command->add_option("--checkpoint", options->checkpoint, "safetensors, .pth or .ckpt")->required();
  command->add_option("-o,--output", options->output, "The engine file to write")->required();
  command->add_option("--batch", options->batch, "Frames in a batch: N, or MIN:OPT:MAX");
  command->add_option("--height", options->height, "Pixels: N, or MIN:OPT:MAX");
  command->add_option("--width", options->width, "Pixels: N, or MIN:OPT:MAX");
  command->add_option("--context", options->context, "Chunks of 77 tokens: N, or MIN:OPT:MAX");
  command->add_option("--dtype", options->dtype, "Of the weights")
      ->check(CLI::IsMember({"f16", "bf16", "f32"}))
      ->capture_default_str();
  command->add_option("--depth-version", options->depth_version, "Of Depth Anything, where the file does not tell")
      ->check(CLI::IsMember({"v1", "v2"}));
  command->callback([options, &exit_code] { exit_code = build(*options); });
}

}  // namespace comfystream::app
