// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/engine/build_engine.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/engine/format.hpp"
#include "comfystream/models/engine/sha256.hpp"
#include "comfystream/models/weights/key_maps.hpp"
#include "comfystream/models/weights/mapped_file.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace comfystream::engine {
namespace {

constexpr std::uint16_t kHalfInfinity = 0x7C00;

bool has_any(const weights::WeightMap& weights, std::string_view prefix) {
  const auto found = weights.tensors().lower_bound(prefix);
  return found != weights.tensors().end() && found->first.starts_with(prefix);
}

/// What a file without either network is, as far as its keys tell.
std::string other_model(const weights::WeightMap& weights) {
  if (has_any(weights, "control_model.") || has_any(weights, "input_hint_block.") ||
      has_any(weights, "controlnet_cond_embedding.")) {
    return "it is a ControlNet, which needs no engine: ControlNetLoader takes the file itself";
  }
  if (has_any(weights, "text_model."))
    return "it is a text encoder, which needs no engine: CLIPLoader takes the file itself";
  if (has_any(weights, "decoder.") || has_any(weights, "encoder.")) {
    return "it looks like a VAE, which needs no engine: VAELoader takes the file itself";
  }
  return "give an SD 1.x checkpoint, its UNet, or a Depth Anything model";
}

EngineKind kind_of(const BuildRequest& request, const weights::WeightMap& source) {
  if (request.kind) return *request.kind;
  if (const auto kind = detect_kind(source)) return *kind;
  throw Error(ErrorCode::kInvalidArgument,
              "'" + request.checkpoint.string() + "' holds neither an SD 1.x UNet nor a Depth Anything model",
              other_model(source));
}

/// Reports to the request's callback, in steps that are worth showing.
class Progress {
 public:
  Progress(const BuildRequest& request, std::uint64_t total) : request_(request), total_(total) {}
  void add(std::uint64_t bytes) {
    done_ += bytes;
    if (request_.progress) request_.progress(done_, total_);
  }

 private:
  const BuildRequest& request_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
};

std::string hash_of(const weights::MappedFile& file, Progress& progress) {
  constexpr std::size_t kPiece = std::size_t{16} << 20;
  Sha256 hash;
  for (auto rest = file.bytes(); !rest.empty();) {
    const auto piece = rest.first(std::min(rest.size(), kPiece));
    hash.update(piece);
    file.drop_pages(piece);
    progress.add(piece.size());
    rest = rest.subspan(piece.size());
  }
  return hash.finish();
}

/// In `dtype`; Error when that makes an infinity of a finite value.
Tensor converted(const Tensor& tensor, DType dtype, const std::string& name, const weights::WeightMap& source) {
  Tensor result = tensor.cast(dtype);
  if (dtype != DType::kF16 || tensor.dtype() == DType::kF16) return result;
  const auto values = result.values<std::uint16_t>();
  const bool overflows =
      std::any_of(values.begin(), values.end(), [](auto v) { return (v & 0x7FFFU) == kHalfInfinity; });
  if (!overflows) return result;
  throw Error(ErrorCode::kUnsupported,
              "tensor '" + name + "' of '" + source.origin() + "' has values that f16 cannot hold",
              "build the engine with --dtype bf16 or f32");
}

EngineProfile profile_of(const BuildRequest& request, const EngineInfo& info) {
  EngineProfile profile = default_profile(info.kind);
  if (request.batch) profile.batch = *request.batch;
  if (request.height) profile.height = *request.height;
  if (request.width) profile.width = *request.width;
  if (request.context) profile.context = *request.context;
  const std::string problem = profile_problem(profile, info.kind, size_multiple(info));
  if (problem.empty()) return profile;
  throw Error(ErrorCode::kInvalidArgument,
              "the profile for '" + request.output.string() + "' is out of range: " + problem,
              info.kind == EngineKind::kUNet ? "sizes of pictures are multiples of 8, up to 8192; batches at most 100"
                                             : "a depth network's sizes are multiples of its patch, such as 518");
}

EngineInfo describe(const BuildRequest& request, const weights::WeightMap& network, EngineKind kind) {
  if (!is_floating(request.dtype)) {
    throw Error(ErrorCode::kInvalidArgument, "an engine cannot be of dtype " + std::string(to_string(request.dtype)),
                "use f16, bf16 or f32");
  }
  EngineInfo info;
  info.kind = kind;
  info.dtype = request.dtype;
  info.source_file = request.checkpoint.filename().string();
  infer_architecture(info, network, request.depth_version);
  info.profile = profile_of(request, info);
  return info;
}

/// An all-in-one would lose its other networks. A file that is called an engine was meant to be one.
void refuse_to_lose(const BuildRequest& request) {
  std::error_code none;
  if (request.output.extension() == ".engine") return;
  if (!std::filesystem::equivalent(request.checkpoint, request.output, none)) return;
  throw Error(ErrorCode::kInvalidArgument, "the engine would replace its checkpoint '" + request.output.string() + "'",
              "give it another name");
}

void write(const BuildRequest& request, const EngineInfo& info, const weights::TensorSpecs& specs,
           const weights::WeightMap& network, Progress& progress) {
  std::vector<weights::SafetensorsTensor> tensors;
  for (const weights::TensorSpec& spec : specs) tensors.push_back({spec.name, info.dtype, spec.shape});
  weights::SafetensorsWriter writer(request.output, std::move(tensors), to_metadata(info));
  for (const weights::TensorSpec& spec : specs) {
    const Tensor& tensor = network.at(spec.name);
    writer.write(spec.name, converted(tensor, info.dtype, spec.name, network).bytes());
    network.drop_pages(tensor);
    progress.add(tensor.size_bytes());
  }
  writer.finish(request.sync);
}

}  // namespace

std::optional<EngineKind> detect_kind(const weights::WeightMap& weights) {
  for (const char* depth : {"pretrained.", "backbone.embeddings.", "module.pretrained.", "model.pretrained.",
                            "model.backbone.embeddings."}) {
    if (has_any(weights, depth)) return EngineKind::kDepthAnything;
  }
  if (has_any(weights, "input_hint_block.") || has_any(weights, "controlnet_cond_embedding.")) return std::nullopt;
  const bool unet = has_any(weights, "model.diffusion_model.") || has_any(weights, "diffusion_model.") ||
                    weights.contains("input_blocks.0.0.weight") ||
                    (weights.contains("conv_in.weight") && has_any(weights, "up_blocks."));
  return unet ? std::optional(EngineKind::kUNet) : std::nullopt;
}

EngineInfo build_engine(const BuildRequest& request) {
  refuse_to_lose(request);
  const weights::WeightMap source = weights::load_weights(request.checkpoint);
  const EngineKind kind = kind_of(request, source);
  const weights::WeightMap network =
      kind == EngineKind::kUNet ? weights::to_ldm_unet_keys(source) : weights::to_depth_anything_keys(source);
  EngineInfo info = describe(request, network, kind);
  const weights::TensorSpecs specs = network_tensors(info, network);
  if (const std::string problem = tensors_problem(specs, network); !problem.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "'" + request.checkpoint.string() + "' cannot be made an engine: " + problem,
                "is the file whole, and of an SD 1.x UNet or a Depth Anything model?");
  }
  const auto file = weights::MappedFile::open(request.checkpoint);
  std::uint64_t total = file->bytes().size();
  for (const weights::TensorSpec& spec : specs) total += network.at(spec.name).size_bytes();
  Progress progress(request, total);
  info.source_sha256 = hash_of(*file, progress);
  write(request, info, specs, network, progress);
  return info;
}

}  // namespace comfystream::engine
