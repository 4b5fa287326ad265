// SPDX-License-Identifier: Apache-2.0
#include "nodes/register_nodes.hpp"

#include "nodes/conditioning/clip_set_last_layer.hpp"
#include "nodes/conditioning/clip_text_encode.hpp"
#include "nodes/conditioning/conditioning_concat.hpp"
#include "nodes/conditioning/controlnet_apply_advanced.hpp"
#include "nodes/depth/depth_anything_tensorrt.hpp"
#include "nodes/latent/empty_latent_image.hpp"
#include "nodes/latent/latent_batch_seed_behavior.hpp"
#include "nodes/latent/latent_from_batch.hpp"
#include "nodes/latent/repeat_latent_batch.hpp"
#include "nodes/loaders/checkpoint_loader_simple.hpp"
#include "nodes/loaders/clip_loader.hpp"
#include "nodes/loaders/controlnet_loader.hpp"
#include "nodes/loaders/tensorrt_loader.hpp"
#include "nodes/loaders/torch_compile_load_controlnet.hpp"
#include "nodes/loaders/torch_compile_load_vae.hpp"
#include "nodes/loaders/unet_loader.hpp"
#include "nodes/loaders/vae_loader.hpp"
#include "nodes/sampling/ksampler.hpp"
#include "nodes/tensor_utils/load_batch_tensor.hpp"
#include "nodes/tensor_utils/load_tensor.hpp"
#include "nodes/tensor_utils/save_batch_tensor.hpp"
#include "nodes/tensor_utils/save_tensor.hpp"
#include "nodes/vae/vae_decode.hpp"
#include "nodes/vae/vae_encode.hpp"

#include <memory>

namespace comfystream::nodes {

void register_nodes(workflow::NodeRegistry& registry) {
  registry.add(std::make_unique<CLIPSetLastLayer>());
  registry.add(std::make_unique<CLIPTextEncode>());
  registry.add(std::make_unique<ConditioningConcat>());
  registry.add(std::make_unique<ControlNetApplyAdvanced>());
  registry.add(std::make_unique<DepthAnythingTensorrt>());
  registry.add(std::make_unique<EmptyLatentImage>());
  registry.add(std::make_unique<LatentBatchSeedBehavior>());
  registry.add(std::make_unique<LatentFromBatch>());
  registry.add(std::make_unique<RepeatLatentBatch>());
  registry.add(std::make_unique<CheckpointLoaderSimple>());
  registry.add(std::make_unique<CLIPLoader>());
  registry.add(std::make_unique<ControlNetLoader>());
  registry.add(std::make_unique<TensorRTLoader>());
  registry.add(std::make_unique<TorchCompileLoadControlNet>());
  registry.add(std::make_unique<TorchCompileLoadVAE>());
  registry.add(std::make_unique<UNETLoader>());
  registry.add(std::make_unique<VAELoader>());
  registry.add(std::make_unique<KSampler>());
  registry.add(std::make_unique<LoadBatchTensor>());
  registry.add(std::make_unique<LoadTensor>());
  registry.add(std::make_unique<SaveBatchTensor>());
  registry.add(std::make_unique<SaveTensor>());
  registry.add(std::make_unique<VAEDecode>());
  registry.add(std::make_unique<VAEEncode>());
}

}  // namespace comfystream::nodes
