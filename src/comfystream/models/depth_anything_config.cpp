// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/depth_anything_config.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/transformer_heads.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <string_view>

namespace comfystream::models {
namespace {

constexpr std::size_t kTaps = 4;

[[noreturn]] void refuse(const weights::WeightMap& weights, const std::string& what, const std::string& hint = {}) {
  throw Error(ErrorCode::kInvalidArgument, weights.origin() + ": " + what, hint);
}

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lowered;
}

/// "v1" or "v2" in a text, not as the beginning of a longer number.
std::optional<DepthAnythingVersion> version_in(std::string_view text) {
  const std::string name = lower_case(text);
  const auto mentions = [&](std::string_view version) {
    for (std::size_t at = name.find(version); at != std::string::npos; at = name.find(version, at + 1)) {
      const std::size_t after = at + version.size();
      if (after == name.size() || std::isdigit(static_cast<unsigned char>(name[after])) == 0) return true;
    }
    return false;
  };
  const bool first = mentions("v1");
  const bool second = mentions("v2");
  if (first == second) return std::nullopt;
  return first ? DepthAnythingVersion::kV1 : DepthAnythingVersion::kV2;
}

const std::string* metadata(const weights::WeightMap& weights, std::string_view key) {
  const auto found = weights.metadata().find(key);
  return found == weights.metadata().end() ? nullptr : &found->second;
}

DepthAnythingVersion find_version(const weights::WeightMap& weights, std::optional<DepthAnythingVersion> option) {
  if (const std::string* stated = metadata(weights, kDepthVersionKey)) {
    if (const auto version = version_in(*stated)) return *version;
    refuse(weights, std::string(kDepthVersionKey) + " is '" + *stated + "', not v1 or v2");
  }
  if (const std::string* architecture = metadata(weights, "architecture")) {
    if (const auto version = version_in(*architecture)) return *version;
  }
  if (option) return *option;
  const std::filesystem::path path = weights.origin();
  const std::string file = path.filename().string();
  for (const std::string& name : {file, path.parent_path().filename().string()}) {
    if (const auto version = version_in(name)) return *version;
  }
  const std::string lowered = lower_case(file);
  for (const char* own_name : {"vits14", "vitb14", "vitl14"}) {
    if (lowered.find(own_name) != std::string::npos) return DepthAnythingVersion::kV1;
  }
  refuse(weights, "Depth Anything V1 or V2? Their tensors have the same shapes",
         std::string("put v1 or v2 in the file's name, or ") + kDepthVersionKey +
             " in its metadata, or build an engine with `--depth-version`");
}

std::vector<std::int64_t> parse_taps(const weights::WeightMap& weights, const std::string& text) {
  std::vector<std::int64_t> taps;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::int64_t tap = 0;
    const auto [next, error] = std::from_chars(at, end, tap);
    const bool separated = next == end || (*next == ',' && next + 1 != end);
    if (error != std::errc{} || !separated) refuse(weights, std::string(kDepthTapsKey) + " is '" + text + "'");
    taps.push_back(tap);
    at = next == end ? end : next + 1;
  }
  return taps;
}

std::vector<std::int64_t> find_taps(const weights::WeightMap& weights, const DepthAnythingConfig& config) {
  if (const std::string* stated = metadata(weights, kDepthTapsKey)) return parse_taps(weights, *stated);
  const std::int64_t layers = config.layers;
  if (config.version == DepthAnythingVersion::kV1) return {layers - 4, layers - 3, layers - 2, layers - 1};
  // ViT-L's first is one layer earlier than the rule that ViT-S, B and G follow.
  if (layers == 24) return {4, 11, 17, 23};
  return {layers / 4 - 1, layers / 2 - 1, layers * 3 / 4 - 1, layers - 1};
}

std::int64_t dimension(const weights::WeightMap& weights, const std::string& name, std::size_t rank, std::size_t axis) {
  const Shape& shape = weights.at(name).shape();
  if (shape.rank() != rank) refuse(weights, name + " has shape " + shape.to_string());
  return shape[axis];
}

bool is_metric(const weights::WeightMap& weights) {
  if (const std::string* type = metadata(weights, kDepthTypeKey)) return *type == "metric";
  return lower_case(std::filesystem::path(weights.origin()).filename().string()).find("metric") != std::string::npos;
}

}  // namespace

DepthAnythingConfig infer_depth_anything_config(const weights::WeightMap& weights,
                                                std::optional<DepthAnythingVersion> version) {
  if (weights.contains("pretrained.register_tokens") || weights.contains("depth_head.readout_projects.0.0.weight") ||
      weights.contains("pretrained.blocks.0.mlp.w12.weight")) {
    refuse(weights, "register tokens, class-token readouts and SwiGLU layers (ViT-G) are not supported",
           "use Depth Anything ViT-S, B or L");
  }
  DepthAnythingConfig config;
  config.version = find_version(weights, version);
  config.width = dimension(weights, "pretrained.cls_token", 3, 2);
  config.layers = weights.count_indexed("pretrained.blocks.");
  config.heads = heads_of_width(config.width, weights.origin() + ": DINOv2");
  config.patch = dimension(weights, "pretrained.patch_embed.proj.weight", 4, 3);
  const std::int64_t positions = dimension(weights, "pretrained.pos_embed", 3, 1) - 1;
  config.position_grid = std::llround(std::sqrt(static_cast<double>(std::max<std::int64_t>(positions, 0))));
  if (positions < 1 || config.position_grid * config.position_grid != positions) {
    refuse(weights, "pretrained.pos_embed is not of a square grid and a class token");
  }
  for (std::size_t i = 0; i < kTaps; ++i) {
    config.neck_channels.push_back(dimension(weights, "depth_head.projects." + std::to_string(i) + ".weight", 4, 0));
  }
  config.fusion_channels = dimension(weights, "depth_head.scratch.layer1_rn.weight", 4, 0);
  config.metric = is_metric(weights);
  config.taps = find_taps(weights, config);
  const bool rising =
      std::adjacent_find(config.taps.begin(), config.taps.end(), std::greater_equal<>()) == config.taps.end();
  if (config.taps.size() != kTaps || !rising || config.taps.front() < 0 || config.taps.back() >= config.layers) {
    refuse(weights, "the head needs four layers in rising order out of " + std::to_string(config.layers));
  }
  return config;
}

}  // namespace comfystream::models
