// SPDX-License-Identifier: Apache-2.0
// ComfyUI's models folder with networks small enough for the reference backend, of deterministic random weights.
#pragma once

#include "comfystream/models/depth_anything.hpp"
#include "comfystream/models/engine/build_engine.hpp"
#include "comfystream/models/weights/architectures/presets.hpp"
#include "comfystream/models/weights/safetensors/writer.hpp"
#include "tests/support/synth_networks.hpp"
#include "tests/support/test_folder.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace comfystream::tests {

inline weights::StableDiffusionDims tiny_dims() {
  weights::StableDiffusionDims dims;
  dims.unet = {
      .model_channels = 32, .channel_mult = {1, 2}, .res_blocks = 1, .transformer_depth = {1, 0}, .context_dim = 64};
  dims.hint.channels = {4, 4, 8, 8, 8, 8, 16};
  dims.clip = {.vocabulary = 2048, .positions = 77, .width = 64, .layers = 2, .intermediate = 128};
  dims.vae = {.channels = 32, .channel_mult = {1, 1, 1, 1}, .res_blocks = 1, .latent_channels = 4};
  dims.taesd.channels = 8;
  return dims;
}

/// models/: checkpoints/all.safetensors, unet/unet.safetensors, clip/clip.safetensors, vae/kl.safetensors,
/// vae_approx/taesd_{encoder,decoder}.safetensors, controlnet/{depth,edges}.safetensors,
/// tensorrt/{any,pair}.engine (batches of 1 to 8, of exactly 2; one chunk; 32 to 512 pixels),
/// tensorrt/depth-anything/{depth,three}.engine (28 x 28, batches of 1 to 8, of exactly 3). input/ is empty.
class TinyModels {
 public:
  TinyModels() {
    const auto dims = tiny_dims();
    const auto unet = weights::unet_tensors(dims.unet);
    save("unet/unet", synth_weights(unet, DType::kF32, "unet"));
    save("clip/clip", synth_weights(weights::clip_text_tensors(dims.clip), DType::kF32, "clip"));
    save("vae/kl", synth_weights(weights::autoencoder_kl_tensors(dims.vae), DType::kF32, "kl"));
    save("vae_approx/taesd_encoder",
         synth_weights(weights::taesd_encoder_tensors(dims.taesd), DType::kF32, "taesd_encoder"));
    save("vae_approx/taesd_decoder",
         synth_weights(weights::taesd_decoder_tensors(dims.taesd), DType::kF32, "taesd_decoder"));
    const auto control = weights::controlnet_tensors(dims.unet, dims.hint);
    save("controlnet/depth", synth_weights(control, DType::kF32, "depth"));
    save("controlnet/edges", reseeded(control, 7));
    save_checkpoint(dims);
    save("depth/depth_anything_v2_tiny", synth_weights(depth_tensors(), DType::kF32, "depth_anything_v2_tiny"));
    build("unet/unet", "tensorrt/any", {1, 2, 8}, {32, 64, 512});
    build("unet/unet", "tensorrt/pair", {2, 2, 2}, {32, 64, 512});
    build("depth/depth_anything_v2_tiny", "tensorrt/depth-anything/depth", {1, 2, 8}, {28, 28, 28});
    build("depth/depth_anything_v2_tiny", "tensorrt/depth-anything/three", {3, 3, 3}, {28, 28, 28});
    std::filesystem::create_directories(folder_ / "input");
  }

  [[nodiscard]] std::filesystem::path root() const { return folder_ / "models"; }

  /// An engine of `source` (relative, no extension).
  void build(const std::string& source, const std::string& name, engine::ProfileRange batch,
             engine::ProfileRange size) const {
    engine::BuildRequest request;
    request.checkpoint = root() / (source + ".safetensors");
    request.output = root() / (name + ".engine");
    std::filesystem::create_directories(request.output.parent_path());
    request.batch = batch;
    request.height = request.width = size;
    request.dtype = DType::kF32;
    engine::build_engine(request);
  }

 private:
  static weights::TensorSpecs depth_tensors() {
    auto dims = weights::depth_anything_dims("depth-anything-v2-tiny");
    dims.position_grid = 2;
    return weights::depth_anything_tensors(dims);
  }

  static weights::WeightMap reseeded(const weights::TensorSpecs& specs, std::uint64_t seed) {
    weights::WeightMap map("reseeded");
    for (const auto& spec : specs) {
      map.insert(spec.name,
                 weights::synth_tensor(spec.name, spec.shape, weights::guess_synth_kind(spec.name, spec.shape), seed));
    }
    return map;
  }

  void save_checkpoint(const weights::StableDiffusionDims& dims) const {
    weights::WeightMap all("all");
    const auto add = [&](const char* prefix, const weights::TensorSpecs& specs) {
      const auto part = synth_weights(specs, DType::kF32, "all");
      for (const auto& [name, tensor] : part.tensors()) all.insert(prefix + name, tensor);
    };
    add("model.diffusion_model.", weights::unet_tensors(dims.unet));
    add("cond_stage_model.transformer.", weights::clip_text_tensors(dims.clip));
    add("first_stage_model.", weights::autoencoder_kl_tensors(dims.vae));
    save("checkpoints/all", all);
  }

  void save(const std::string& name, const weights::WeightMap& map) const {
    weights::save_safetensors(root() / (name + ".safetensors"), map);
  }

  TestFolder folder_;
};

}  // namespace comfystream::tests
