// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/engine/format.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/depth_anything_config.hpp"
#include "comfystream/models/weights/architectures/depth_anything.hpp"
#include "comfystream/models/weights/architectures/unet.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

namespace comfystream::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kDTypes = {DType::kF16, DType::kF32, DType::kBF16};
constexpr std::size_t kLongestJson = 4096;

[[noreturn]] void corrupt(const weights::WeightMap& weights, const std::string& problem) {
  throw Error(ErrorCode::kCorruptFile, "'" + weights.origin() + "' is not a sound engine file: " + problem,
              "build it again with `comfystream engine build`");
}

const std::string& field(const weights::WeightMap& weights, std::string_view key) {
  const auto found = weights.metadata().find(key);
  if (found == weights.metadata().end()) corrupt(weights, "its metadata has no '" + std::string(key) + "'");
  return found->second;
}

Json json_field(const weights::WeightMap& weights, std::string_view key) {
  const std::string& text = field(weights, key);
  Json json = text.size() <= kLongestJson ? Json::parse(text, nullptr, false) : Json(Json::value_t::discarded);
  if (!json.is_object()) corrupt(weights, "its '" + std::string(key) + "' is not a JSON object");
  return json;
}

Json to_json(const ProfileRange& range) { return {range.min, range.opt, range.max}; }

ProfileRange range_field(const weights::WeightMap& weights, const Json& profile, const char* name) {
  const auto found = profile.find(name);
  const bool sound =
      found != profile.end() && found->is_array() && found->size() == 3 &&
      std::all_of(found->begin(), found->end(), [](const Json& number) { return number.is_number_unsigned(); });
  if (!sound) corrupt(weights, std::string("its profile has no ") + name + " of three numbers");
  constexpr std::uint64_t kMost = 1U << 30U;
  std::array<std::int64_t, 3> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<std::int64_t>(std::min((*found)[i].get<std::uint64_t>(), kMost));
  }
  return {numbers[0], numbers[1], numbers[2]};
}

Json dimensions(const EngineInfo& info) {
  Json json;
  if (info.unet) {
    json["in_channels"] = info.unet->in_channels;
    json["out_channels"] = info.unet->out_channels;
    json["model_channels"] = info.unet->model_channels;
    json["channel_mult"] = info.unet->channel_mult;
    json["res_blocks"] = info.unet->res_blocks;
    json["transformer_depth"] = info.unet->transformer_depth;
    json["middle_depth"] = info.unet->middle_depth;
    json["context_dim"] = info.unet->context_dim;
  }
  if (info.depth) {
    json["width"] = info.depth->width;
    json["layers"] = info.depth->layers;
    json["patch"] = info.depth->patch;
    json["position_grid"] = info.depth->position_grid;
    json["neck_channels"] = info.depth->neck_channels;
    json["fusion_channels"] = info.depth->fusion_channels;
  }
  return json;
}

std::string joined(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (const std::int64_t number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

void read_version(const weights::WeightMap& weights) {
  const std::string& version = field(weights, "format_version");
  if (version == std::to_string(kFormatVersion)) return;
  throw Error(ErrorCode::kUnsupported,
              "'" + weights.origin() + "' is an engine file of format version '" + version.substr(0, 20) +
                  "'; this program reads version " + std::to_string(kFormatVersion),
              "build it again with this program's `comfystream engine build`, or use the newer program that made it");
}

EngineKind read_kind(const weights::WeightMap& weights) {
  const std::string& word = field(weights, "architecture");
  for (const EngineKind kind : {EngineKind::kUNet, EngineKind::kDepthAnything}) {
    if (word == to_string(kind)) return kind;
  }
  corrupt(weights, "its architecture is '" + word.substr(0, 40) + "', not unet or depth-anything");
}

DType read_dtype(const weights::WeightMap& weights) {
  const std::string& word = field(weights, "dtype");
  for (const DType dtype : kDTypes) {
    if (word == to_string(dtype)) return dtype;
  }
  corrupt(weights, "its dtype is '" + word.substr(0, 20) + "', not f16, f32 or bf16");
}

weights::UNetDims dims_of(const models::UNetConfig& config) {
  return {.in_channels = config.in_channels,
          .out_channels = config.out_channels,
          .model_channels = config.model_channels,
          .channel_mult = config.channel_mult,
          .res_blocks = config.res_blocks,
          .transformer_depth = config.transformer_depth,
          .middle_depth = config.middle_depth,
          .context_dim = config.context_dim};
}

weights::DepthAnythingDims dims_of(const models::DepthAnythingConfig& config, const weights::WeightMap& weights) {
  const Tensor* last = weights.find("depth_head.scratch.output_conv2.0.weight");
  return {.width = config.width,
          .layers = config.layers,
          .patch = config.patch,
          .position_grid = config.position_grid,
          .neck_channels = config.neck_channels,
          .fusion_channels = config.fusion_channels,
          .head_channels = last != nullptr && last->shape().rank() > 0 ? last->shape()[0] : 1};
}

bool within(std::int64_t value, std::int64_t most) { return value >= 1 && value <= most; }

/// Bounds that every sensible network keeps, so that a hostile file's sizes cannot overflow or ask for endless lists.
bool is_plausible(const EngineInfo& info) {
  constexpr std::int64_t kWidest = 65536;
  constexpr std::int64_t kMostLayers = 1000;
  const auto all_within = [](const std::vector<std::int64_t>& values, std::int64_t most) {
    return std::all_of(values.begin(), values.end(), [most](std::int64_t value) { return within(value, most); });
  };
  if (info.depth) {
    const models::DepthAnythingConfig& depth = *info.depth;
    return within(depth.width, kWidest) && within(depth.layers, kMostLayers) && within(depth.patch, kWidest) &&
           within(depth.position_grid, kWidest) && within(depth.fusion_channels, kWidest) &&
           all_within(depth.neck_channels, kWidest);
  }
  const models::UNetConfig& unet = *info.unet;
  std::int64_t transformers = unet.middle_depth + 1;
  for (const std::int64_t depth : unet.transformer_depth) transformers += depth;
  return within(unet.in_channels, kWidest) && within(unet.out_channels, kWidest) &&
         within(unet.model_channels, kWidest) && all_within(unet.channel_mult, kWidest / unet.model_channels) &&
         within(unet.res_blocks, kMostLayers) && within(transformers, kMostLayers) && within(unet.context_dim, kWidest);
}

/// The first fusion step has nothing to merge, and inference masks nothing.
bool may_be_missing(std::string_view name) {
  return name == "pretrained.mask_token" || name.starts_with("depth_head.scratch.refinenet4.resConfUnit1.");
}

void read_architecture(EngineInfo& info, const weights::WeightMap& weights) {
  try {
    infer_architecture(info, weights);
  } catch (const Error& error) {
    corrupt(weights, error.message());
  }
  // Compared as values, not as text: another program may have written the numbers in another order.
  if (nlohmann::json(json_field(weights, "dimensions")) != nlohmann::json(dimensions(info))) {
    corrupt(weights, "its dimensions are not those of its tensors, which are " + dimensions(info).dump());
  }
  const weights::TensorSpecs specs = network_tensors(info, weights);
  if (const std::string problem = tensors_problem(specs, weights); !problem.empty()) corrupt(weights, problem);
  for (const weights::TensorSpec& spec : specs) {
    if (weights.at(spec.name).dtype() != info.dtype) {
      corrupt(weights, "tensor '" + spec.name + "' is not of its dtype, " + std::string(to_string(info.dtype)));
    }
  }
}

}  // namespace

Metadata to_metadata(const EngineInfo& info) {
  Json profile;
  profile["batch"] = to_json(info.profile.batch);
  profile["height"] = to_json(info.profile.height);
  profile["width"] = to_json(info.profile.width);
  profile["context"] = to_json(info.profile.context);
  Metadata metadata = {{"format", kFormat},
                       {"format_version", std::to_string(kFormatVersion)},
                       {"architecture", std::string(to_string(info.kind))},
                       {"dimensions", dimensions(info).dump()},
                       {"profile", profile.dump()},
                       {"dtype", std::string(to_string(info.dtype))},
                       {"source_file", info.source_file},
                       {"source_sha256", info.source_sha256}};
  if (info.depth) {
    metadata[models::kDepthVersionKey] = info.depth->version == models::DepthAnythingVersion::kV1 ? "v1" : "v2";
    metadata[models::kDepthTapsKey] = joined(info.depth->taps);
    metadata[models::kDepthTypeKey] = info.depth->metric ? "metric" : "relative";
  }
  return metadata;
}

EngineInfo read_info(const weights::WeightMap& weights) {
  read_version(weights);
  EngineInfo info;
  info.kind = read_kind(weights);
  info.dtype = read_dtype(weights);
  info.source_file = field(weights, "source_file");
  info.source_sha256 = field(weights, "source_sha256");
  const Json profile = json_field(weights, "profile");
  info.profile = {.batch = range_field(weights, profile, "batch"),
                  .height = range_field(weights, profile, "height"),
                  .width = range_field(weights, profile, "width"),
                  .context = range_field(weights, profile, "context")};
  if (info.kind == EngineKind::kDepthAnything) (void)field(weights, models::kDepthVersionKey);
  read_architecture(info, weights);
  const std::string problem = profile_problem(info.profile, info.kind, size_multiple(info));
  if (!problem.empty()) corrupt(weights, "its profile is out of range: " + problem);
  return info;
}

void infer_architecture(EngineInfo& info, const weights::WeightMap& weights,
                        std::optional<models::DepthAnythingVersion> version) {
  if (info.kind == EngineKind::kUNet) {
    info.unet = models::infer_unet_config(weights);
  } else {
    info.depth = models::infer_depth_anything_config(weights, version);
  }
  if (is_plausible(info)) return;
  throw Error(ErrorCode::kUnsupported,
              "the network in '" + weights.origin() + "' has impossible dimensions: " + dimensions(info).dump(),
              "give the file of an SD 1.x UNet or of a Depth Anything model");
}

std::int64_t size_multiple(const EngineInfo& info) { return info.depth ? info.depth->patch : 8; }

weights::TensorSpecs network_tensors(const EngineInfo& info, const weights::WeightMap& weights) {
  if (info.unet) return weights::unet_tensors(dims_of(*info.unet));
  weights::TensorSpecs specs = weights::depth_anything_tensors(dims_of(*info.depth, weights));
  std::erase_if(specs, [&](const auto& spec) { return may_be_missing(spec.name) && !weights.contains(spec.name); });
  return specs;
}

std::string tensors_problem(const weights::TensorSpecs& specs, const weights::WeightMap& weights) {
  for (const weights::TensorSpec& spec : specs) {
    const Tensor* tensor = weights.find(spec.name);
    if (tensor == nullptr) return "it has no tensor '" + spec.name + "'";
    if (tensor->shape() != spec.shape) {
      return "tensor '" + spec.name + "' has shape " + tensor->shape().to_string() + ", not " + spec.shape.to_string();
    }
  }
  return {};
}

}  // namespace comfystream::engine
