// SPDX-License-Identifier: Apache-2.0
#include "nodes/register_nodes.hpp"

#include "nodes/conditioning/clip_set_last_layer.hpp"
#include "nodes/conditioning/clip_text_encode.hpp"
#include "nodes/conditioning/conditioning_concat.hpp"
#include "nodes/conditioning/controlnet_apply_advanced.hpp"
#include "nodes/depth/depth_anything_tensorrt.hpp"
#include "nodes/engine/depth_anything_engine_builder.hpp"
#include "nodes/engine/dynamic_trt_model_conversion.hpp"
#include "nodes/engine/onnx_model_selector.hpp"
#include "nodes/engine/static_trt_model_conversion.hpp"
#include "nodes/image/background_color.hpp"
#include "nodes/image/composite.hpp"
#include "nodes/image/gaussian_blur.hpp"
#include "nodes/image/image_batch.hpp"
#include "nodes/image/image_from_batch.hpp"
#include "nodes/image/load_image.hpp"
#include "nodes/image/preview_image.hpp"
#include "nodes/image/primary_input_load_image.hpp"
#include "nodes/image/save_image.hpp"
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
#include "nodes/mask/image_to_mask.hpp"
#include "nodes/mask/invert_mask.hpp"
#include "nodes/mask/load_image_mask.hpp"
#include "nodes/mask/threshold_mask.hpp"
#include "nodes/model_patches/feature_bank_attention_processor.hpp"
#include "nodes/performance/performance_timer.hpp"
#include "nodes/performance/start_performance_timer.hpp"
#include "nodes/sampling/ksampler.hpp"
#include "nodes/tensor_utils/load_batch_tensor.hpp"
#include "nodes/tensor_utils/load_tensor.hpp"
#include "nodes/tensor_utils/save_batch_tensor.hpp"
#include "nodes/tensor_utils/save_tensor.hpp"
#include "nodes/unsupported/unsupported_nodes.hpp"
#include "nodes/vae/vae_decode.hpp"
#include "nodes/vae/vae_encode.hpp"

#include <memory>
#include <utility>

namespace comfystream::nodes {

void register_nodes(workflow::NodeRegistry& registry) {
  registry.add(std::make_unique<CLIPSetLastLayer>());
  registry.add(std::make_unique<CLIPTextEncode>());
  registry.add(std::make_unique<ConditioningConcat>());
  registry.add(std::make_unique<ControlNetApplyAdvanced>());
  registry.add(std::make_unique<DepthAnythingTensorrt>());
  registry.add(std::make_unique<DepthAnythingEngineBuilder>());
  registry.add(std::make_unique<DYNAMIC_TRT_MODEL_CONVERSION>());
  registry.add(std::make_unique<ONNXModelSelector>());
  registry.add(std::make_unique<STATIC_TRT_MODEL_CONVERSION>());
  registry.add(std::make_unique<BackgroundColor>());
  registry.add(std::make_unique<Composite>());
  registry.add(std::make_unique<GaussianBlur>());
  registry.add(std::make_unique<ImageBatch>());
  registry.add(std::make_unique<ImageFromBatch>());
  registry.add(std::make_unique<LoadImage>());
  registry.add(std::make_unique<PreviewImage>());
  registry.add(std::make_unique<PrimaryInputLoadImage>());
  registry.add(std::make_unique<SaveImage>());
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
  registry.add(std::make_unique<ImageToMask>());
  registry.add(std::make_unique<InvertMask>());
  registry.add(std::make_unique<LoadImageMask>());
  registry.add(std::make_unique<ThresholdMask>());
  registry.add(std::make_unique<FeatureBankAttentionProcessor>());
  registry.add(std::make_unique<PerformanceTimerNode>());
  registry.add(std::make_unique<StartPerformanceTimerNode>());
  registry.add(std::make_unique<KSampler>());
  registry.add(std::make_unique<LoadBatchTensor>());
  registry.add(std::make_unique<LoadTensor>());
  registry.add(std::make_unique<SaveBatchTensor>());
  registry.add(std::make_unique<SaveTensor>());
  registry.add(std::make_unique<VAEDecode>());
  registry.add(std::make_unique<VAEEncode>());
  for (auto& spec : unsupported_specs()) registry.add(std::make_unique<UnsupportedNode>(std::move(spec)));
}

}  // namespace comfystream::nodes
