// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/synth/model_files.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/weights/architectures/presets.hpp"

#include <algorithm>
#include <array>

namespace comfystream::synth {
namespace {

using weights::StableDiffusionDims;

constexpr std::array kBases = {"sd15", "sd15-tiny"};
constexpr std::array kParts = {"checkpoint", "unet", "clip", "controlnet", "vae", "taesd"};
constexpr std::array kDepths = {"depth-anything-v2-large", "depth-anything-v2-base", "depth-anything-v2-small",
                                "depth-anything-v2-tiny"};

void add(ModelFile& file, Part part, const std::string& prefix, const weights::TensorSpecs& specs) {
  file.prefixes.push_back(prefix);
  for (const auto& [name, shape] : specs) file.tensors.push_back({part, name, file.prefixes.size() - 1, shape});
}

ModelFile single(std::string path, Part part, const weights::TensorSpecs& specs) {
  ModelFile file;
  file.path = std::move(path);
  add(file, part, "", specs);
  return file;
}

ModelFile checkpoint(const std::string& base, const StableDiffusionDims& dims) {
  ModelFile file;
  file.path = "checkpoints/" + base + ".safetensors";
  add(file, Part::kUNet, "model.diffusion_model.", weights::unet_tensors(dims.unet));
  add(file, Part::kClipText, "cond_stage_model.transformer.", weights::clip_text_tensors(dims.clip));
  add(file, Part::kVae, "first_stage_model.", weights::autoencoder_kl_tensors(dims.vae));
  return file;
}

/// Under the names that upstream's workflows ask for. What those say of batch and size is not what is inside.
EngineFile unet_engine() {
  const engine::EngineProfile profile = {
      .batch = {1, 2, 8}, .height = {64, 512, 1024}, .width = {64, 512, 1024}, .context = {1, 1, 4}};
  return {.path = "tensorrt/static-dreamshaper8_SD15_$stat-b-1-h-512-w-512_00001_.engine",
          .profile = profile,
          .copies = {"tensorrt/static-dreamshaper8_SD15_$stat-b-2-h-512-w-512_00001_.engine"}};
}

ModelFile depth(const std::string& arch) {
  std::string name = arch;
  std::replace(name.begin(), name.end(), '-', '_');
  ModelFile file = single("depthanything/" + name + ".safetensors", Part::kDepth,
                          weights::depth_anything_tensors(weights::depth_anything_dims(arch)));
  // The tiny one looks at a quarter of the pixels, as becomes its size.
  const std::int64_t side = arch.ends_with("tiny") ? 252 : 518;
  const engine::EngineProfile profile = {
      .batch = {1, 2, 8}, .height = {side, side, side}, .width = {side, side, side}, .context = {}};
  file.engines = {{.path = "tensorrt/depth-anything/depth_anything_v2_vitl-fp16.engine",
                   .profile = profile,
                   .copies = {"tensorrt/depth-anything/depth_anything_vitl14-fp16.engine"}}};
  return file;
}

std::vector<ModelFile> files_of(const std::string& base, const std::string& part) {
  const StableDiffusionDims dims = weights::stable_diffusion_dims(base);
  const std::string file = "/" + base + ".safetensors";
  if (part == "checkpoint") return {checkpoint(base, dims)};
  if (part == "unet") return {single("unet" + file, Part::kUNet, weights::unet_tensors(dims.unet))};
  if (part == "vae") return {single("vae" + file, Part::kVae, weights::autoencoder_kl_tensors(dims.vae))};
  if (part == "controlnet") {
    return {single("controlnet/control_v11f1p_sd15_depth_fp16.safetensors", Part::kControlNet,
                   weights::controlnet_tensors(dims.unet, dims.hint))};
  }
  if (part == "clip") {
    ModelFile clip = single("clip" + file, Part::kClipText, weights::clip_text_tensors(dims.clip));
    clip.copies = {"clip/CLIPText/model.fp16.safetensors"};
    return {clip};
  }
  return {
      single("vae_approx/taesd_encoder.safetensors", Part::kTaesdEncoder, weights::taesd_encoder_tensors(dims.taesd)),
      single("vae_approx/taesd_decoder.safetensors", Part::kTaesdDecoder, weights::taesd_decoder_tensors(dims.taesd))};
}

bool is_depth(std::string_view arch) { return std::find(kDepths.begin(), kDepths.end(), arch) != kDepths.end(); }

std::vector<ModelFile> whole_folder(const std::string& base, std::string_view depth_arch) {
  std::vector<ModelFile> files;
  for (const char* part : kParts) {
    if (std::string_view(part) == "unet") continue;
    for (ModelFile& file : files_of(base, part)) files.push_back(std::move(file));
  }
  // An engine has a UNet's keys, so it serves as the UNet too: 1.7 GB less to write.
  EngineFile engine = unet_engine();
  engine.copies.push_back("unet/" + base + ".safetensors");
  files.front().engines = {engine};
  files.push_back(depth(std::string(depth_arch)));
  return files;
}

[[noreturn]] void throw_unknown(std::string_view arch) {
  std::string known;
  for (const std::string& name : arch_names()) known += (known.empty() ? "" : ", ") + name;
  throw Error(ErrorCode::kInvalidArgument, "no architecture '" + std::string(arch) + "'", "known: " + known);
}

}  // namespace

std::vector<std::string> arch_names() {
  std::vector<std::string> names(kBases.begin(), kBases.end());
  for (const char* base : kBases) {
    for (const char* part : kParts) names.push_back(std::string(base) + "-" + part);
  }
  names.insert(names.end(), kDepths.begin(), kDepths.end());
  return names;
}

std::vector<ModelFile> model_files(std::string_view arch, std::string_view depth_arch) {
  if (!depth_arch.empty() && !is_depth(depth_arch)) throw_unknown(depth_arch);
  if (is_depth(arch)) return {depth(std::string(arch))};
  for (const std::string base : kBases) {
    const char* own_depth = base == "sd15" ? "depth-anything-v2-large" : "depth-anything-v2-tiny";
    if (arch == base) return whole_folder(base, depth_arch.empty() ? own_depth : depth_arch);
    for (const char* part : kParts) {
      if (arch == base + "-" + part) return files_of(base, part);
    }
  }
  throw_unknown(arch);
}

}  // namespace comfystream::synth
