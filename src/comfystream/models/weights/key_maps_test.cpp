// SPDX-License-Identifier: Apache-2.0
// Names and shapes of every layout, as diffusers and transformers write them (the goldens list them). That values land
// at the right names is shown by the parity tests of the networks.
#include "comfystream/models/weights/key_maps.hpp"

#include "comfystream/models/weights/architectures/presets.hpp"
#include "comfystream/models/weights/weight_map.hpp"
#include "tests/support/thrown_error.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace comfystream::weights {
namespace {

using ::testing::HasSubstr;

/// The model file that a golden was made with, all zeros.
WeightMap golden_file(const std::string& name) {
  const WeightMap golden = load_weights(COMFYSTREAM_SOURCE_DIR "/tests/parity/goldens/" + name + ".safetensors");
  WeightMap map(name + ".safetensors");
  const auto model = nlohmann::json::parse(golden.metadata().find("model")->second);
  for (const auto& tensor : model["tensors"]) {
    map.insert(tensor[0].get<std::string>(), Tensor(DType::kF16, Shape(tensor[1].get<std::vector<std::int64_t>>())));
  }
  return map;
}

WeightMap without(const WeightMap& map, const std::string& name) {
  WeightMap less(map.origin());
  for (const auto& [key, tensor] : map.tensors()) {
    if (key != name) less.insert(key, tensor);
  }
  return less;
}

TensorSpecs by_name(TensorSpecs specs) {
  std::sort(specs.begin(), specs.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return specs;
}

TensorSpecs specs_of(const WeightMap& map) {
  TensorSpecs specs;
  for (const auto& [name, tensor] : map.tensors()) specs.push_back({name, tensor.shape()});
  return specs;
}

using Convert = WeightMap (*)(const WeightMap&);

struct Layout {
  const char* golden;
  Convert convert;
  TensorSpecs expected;
  const char* required;  ///< a tensor of the file without which there is no model
};

void PrintTo(const Layout& layout, std::ostream* out) { *out << layout.golden; }

class KeyLayout : public ::testing::TestWithParam<Layout> {};

TEST_P(KeyLayout, BecomesTheModelsOwn) {
  const WeightMap file = golden_file(GetParam().golden);
  const WeightMap mapped = GetParam().convert(file);
  EXPECT_EQ(specs_of(mapped), by_name(GetParam().expected));
  EXPECT_EQ(mapped.origin(), file.origin());
  EXPECT_EQ(specs_of(GetParam().convert(mapped)), specs_of(mapped)) << "converted twice";
}

TEST_P(KeyLayout, NamesWhatIsMissing) {
  if (GetParam().required == nullptr) GTEST_SKIP() << "its parts may stand alone";
  const std::string required = GetParam().required;
  const WeightMap file = golden_file(GetParam().golden);
  ASSERT_TRUE(file.contains(required));
  const Error error = tests::thrown_by([&] { return GetParam().convert(without(file, required)); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message(), HasSubstr("'" + file.origin() + "' is not "));
}

TEST_P(KeyLayout, SharesItsValues) {
  const WeightMap file = golden_file(GetParam().golden);
  const WeightMap mapped = GetParam().convert(file);
  std::size_t shared = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    const std::byte* begin = tensor.bytes().data();
    shared += static_cast<std::size_t>(std::any_of(mapped.tensors().begin(), mapped.tensors().end(),
                                                   [&](const auto& t) { return t.second.bytes().data() == begin; }));
  }
  // Attention's three parts become one in Depth Anything: new memory.
  const bool stacks = file.contains("backbone.embeddings.cls_token");
  EXPECT_GE(shared * (stacks ? 2 : 1), GetParam().expected.size());
}

UNetDims unet_dims(std::vector<std::int64_t> mult, std::vector<std::int64_t> depth, std::int64_t middle,
                   std::int64_t res_blocks, std::int64_t context) {
  return {.model_channels = 32,
          .channel_mult = std::move(mult),
          .res_blocks = res_blocks,
          .transformer_depth = std::move(depth),
          .middle_depth = middle,
          .context_dim = context};
}

DepthAnythingDims depth_dims(std::int64_t width, std::int64_t layers) {
  return {.width = width,
          .layers = layers,
          .patch = 14,
          .position_grid = 4,
          .neck_channels = {12, 16, 24, 32},
          .fusion_channels = 16,
          .head_channels = 8};
}

std::vector<Layout> unet_layouts() {
  const UNetDims control = unet_dims({1, 2}, {0, 2}, 2, 1, 40);
  return {
      {"unet_ldm", to_ldm_unet_keys, unet_tensors(unet_dims({1, 2, 3}, {1, 2, 0}, 1, 2, 48)),
       "model.diffusion_model.input_blocks.0.0.weight"},
      {"unet_diffusers", to_ldm_unet_keys, unet_tensors(unet_dims({1, 2}, {0, 1}, 1, 1, 40)),
       "up_blocks.1.resnets.1.conv2.weight"},
      {"unet_four_levels", to_ldm_unet_keys, unet_tensors(unet_dims({1, 2, 4, 4}, {1, 1, 1, 0}, 1, 2, 64)),
       "mid_block.attentions.0.proj_in.weight"},
      {"controlnet_ldm", to_cldm_controlnet_keys,
       controlnet_tensors(unet_dims({1, 2}, {1, 0}, 1, 1, 48), {.channels = {16, 16, 32, 32, 48, 48, 16}}),
       "control_model.input_hint_block.0.weight"},
      {"controlnet_diffusers", to_cldm_controlnet_keys,
       controlnet_tensors(control, {.channels = {8, 8, 8, 8, 8, 8, 8}}), "controlnet_mid_block.weight"},
  };
}

std::vector<Layout> other_layouts() {
  const AutoencoderKlDims kl = {.channels = 32, .channel_mult = {1, 2, 2}, .res_blocks = 2};
  const AutoencoderKlDims small_kl = {.channels = 32, .channel_mult = {1, 2}, .res_blocks = 1};
  const ClipTextDims clip = {.vocabulary = 200, .positions = 77, .width = 128, .layers = 3, .intermediate = 256};
  return {
      {"vae_diffusers", to_ldm_vae_keys, autoencoder_kl_tensors(small_kl),
       "decoder.mid_block.attentions.0.to_q.weight"},
      {"vae_ldm", to_ldm_vae_keys, autoencoder_kl_tensors(kl), nullptr},
      {"taesd_original", to_taesd_encoder_keys, taesd_encoder_tensors({.channels = 16}), "taesd_encoder.0.weight"},
      {"taesd_diffusers", to_taesd_encoder_keys, taesd_encoder_tensors({.channels = 16}), "encoder.layers.0.weight"},
      {"taesd_original", to_taesd_decoder_keys, taesd_decoder_tensors({.channels = 16}), "taesd_decoder.1.weight"},
      {"taesd_diffusers", to_taesd_decoder_keys, taesd_decoder_tensors({.channels = 16}), "decoder.layers.0.weight"},
      {"clip_text_transformers", to_clip_text_keys, clip_text_tensors(clip),
       "text_model.embeddings.token_embedding.weight"},
      {"clip_text_ldm", to_clip_text_keys, clip_text_tensors(clip),
       "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"},
      {"depth_anything_v2_official", to_depth_anything_keys, depth_anything_tensors(depth_dims(128, 12)),
       "pretrained.cls_token"},
      {"depth_anything_v2_transformers", to_depth_anything_keys, depth_anything_tensors(depth_dims(64, 24)),
       "backbone.encoder.layer.7.attention.attention.key.bias"},
  };
}

std::string name_of(const ::testing::TestParamInfo<Layout>& info) {
  return info.param.golden + std::string(info.param.convert == to_taesd_decoder_keys ? "_decoder" : "");
}

INSTANTIATE_TEST_SUITE_P(UNets, KeyLayout, ::testing::ValuesIn(unet_layouts()), name_of);
INSTANTIATE_TEST_SUITE_P(Others, KeyLayout, ::testing::ValuesIn(other_layouts()), name_of);

WeightMap renamed(const WeightMap& map, std::string_view from, std::string_view to) {
  WeightMap result(map.origin());
  for (const auto& [name, tensor] : map.tensors()) {
    std::string key = name;
    if (const std::size_t at = key.find(from); at != std::string::npos) key.replace(at, from.size(), to);
    result.insert(key, tensor);
  }
  return result;
}

TEST(KeyMaps, OlderDiffusersNamesOfAttentionAreRead) {
  WeightMap older = golden_file("vae_diffusers");
  const std::vector<std::pair<const char*, const char*>> names = {
      {".to_q.", ".query."}, {".to_k.", ".key."}, {".to_v.", ".value."}, {".to_out.0.", ".proj_attn."}};
  for (const auto& [newer, old] : names) older = renamed(older, newer, old);
  EXPECT_EQ(specs_of(to_ldm_vae_keys(older)), specs_of(to_ldm_vae_keys(golden_file("vae_diffusers"))));
}

TEST(KeyMaps, NewerTransformersNamesOfAttentionAreRead) {
  const WeightMap file = golden_file("depth_anything_v1_transformers");
  WeightMap newer = file;
  const std::vector<std::pair<const char*, const char*>> names = {{".attention.attention.query.", ".attention.q_proj."},
                                                                  {".attention.attention.key.", ".attention.k_proj."},
                                                                  {".attention.attention.value.", ".attention.v_proj."},
                                                                  {".attention.output.dense.", ".attention.o_proj."}};
  for (const auto& [old, now] : names) newer = renamed(newer, old, now);
  EXPECT_FALSE(newer.contains("backbone.encoder.layer.0.attention.attention.query.weight"));
  EXPECT_EQ(specs_of(to_depth_anything_keys(newer)), specs_of(to_depth_anything_keys(file)));
}

TEST(KeyMaps, EitherHalfOfAVaeMayStandAlone) {
  const WeightMap file = golden_file("vae_diffusers");
  for (const char* half : {"encoder.", "decoder."}) {
    WeightMap alone(file.origin());
    for (const auto& [name, tensor] : file.tensors()) {
      if (name.starts_with(half)) alone.insert(name, tensor);
    }
    const WeightMap mapped = to_ldm_vae_keys(alone);
    EXPECT_TRUE(mapped.contains(std::string(half) + "conv_in.weight"));
    EXPECT_EQ(mapped.tensors().size(), alone.tensors().size());
  }
}

TEST(KeyMaps, QueriesOfDifferentSizesAreRefused) {
  WeightMap file = golden_file("depth_anything_v1_transformers");
  file.insert("backbone.encoder.layer.0.attention.attention.key.weight", Tensor(DType::kF16, Shape{64, 63}));
  EXPECT_THAT(tests::thrown_by([&] { return to_depth_anything_keys(file); }).message(), HasSubstr("differ in shape"));
}

TEST(KeyMaps, PrefixesOfOtherProgramsAreTakenOff) {
  const WeightMap plain = to_ldm_unet_keys(golden_file("unet_ldm"));
  const WeightMap clip = golden_file("clip_text_transformers");
  const auto prefixed = [](const WeightMap& map, const std::string& prefix) {
    WeightMap result(map.origin());
    for (const auto& [name, tensor] : map.tensors()) result.insert(prefix + name, tensor);
    return result;
  };
  EXPECT_EQ(specs_of(to_ldm_unet_keys(prefixed(plain, "diffusion_model."))), specs_of(plain));
  EXPECT_EQ(specs_of(to_clip_text_keys(prefixed(clip, "text_encoder."))), specs_of(clip));
  EXPECT_EQ(specs_of(to_clip_text_keys(clip.with_prefix_removed("text_model."))), specs_of(clip));
  const WeightMap depth = golden_file("depth_anything_v1_official");
  EXPECT_EQ(specs_of(to_depth_anything_keys(prefixed(depth, "module."))), specs_of(depth));
}

TEST(KeyMaps, OtherModelsAreRefusedByWhatTheyBeginWith) {
  WeightMap other("lora.safetensors");
  other.insert("lora_unet_down.weight", Tensor(DType::kF16, Shape{1}));
  for (const Convert convert : {to_ldm_unet_keys, to_cldm_controlnet_keys, to_ldm_vae_keys, to_clip_text_keys,
                                to_taesd_encoder_keys, to_taesd_decoder_keys, to_depth_anything_keys}) {
    const Error error = tests::thrown_by([&] { return convert(other); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.message(), HasSubstr("'lora.safetensors' is not "));
    EXPECT_THAT(error.message(), HasSubstr("its first tensor is 'lora_unet_down.weight'"));
    EXPECT_EQ(tests::thrown_by([&] { return convert(WeightMap("empty.safetensors")); }).code(),
              ErrorCode::kInvalidArgument);
  }
}

TEST(Checkpoints, ComeApartIntoTheirParts) {
  WeightMap all("all.safetensors");
  for (const auto& [name, shape] : with_prefix("first_stage_model.", autoencoder_kl_tensors({.channels = 32}))) {
    all.insert(name, Tensor(DType::kF16, shape));
  }
  const WeightMap unet = golden_file("unet_ldm");
  const WeightMap clip = golden_file("clip_text_ldm");
  for (const WeightMap& part : {unet, clip}) {
    for (const auto& [name, tensor] : part.tensors()) all.insert(name, tensor);
  }
  all.insert("model_ema.decay", Tensor::scalar(1));
  const Checkpoint parts = split_checkpoint(all);
  EXPECT_EQ(specs_of(parts.unet), specs_of(to_ldm_unet_keys(unet)));
  EXPECT_EQ(specs_of(parts.clip), specs_of(to_clip_text_keys(clip)));
  EXPECT_EQ(specs_of(parts.vae), by_name(autoencoder_kl_tensors({.channels = 32})));
  EXPECT_TRUE(split_checkpoint(unet).vae.tensors().empty());
  const Error error = tests::thrown_by([] { return split_checkpoint(WeightMap("none.safetensors")); });
  EXPECT_THAT(error.message(), HasSubstr("'none.safetensors' is not an SD 1.x checkpoint"));
}

/// The published models' parameter counts.
TEST(Presets, AreThePublishedSizes) {
  const StableDiffusionDims sd15 = stable_diffusion_dims("sd15");
  EXPECT_EQ(count_parameters(unet_tensors(sd15.unet)), 859'520'964);
  EXPECT_EQ(count_parameters(controlnet_tensors(sd15.unet, sd15.hint)), 361'279'120);
  EXPECT_EQ(count_parameters(clip_text_tensors(sd15.clip)), 123'060'480);
  EXPECT_EQ(count_parameters(autoencoder_kl_tensors(sd15.vae)), 83'653'863);
  EXPECT_EQ(count_parameters(taesd_encoder_tensors(sd15.taesd)), 1'222'532);
  EXPECT_EQ(count_parameters(taesd_decoder_tensors(sd15.taesd)), 1'222'531);
  EXPECT_EQ(depth_anything_dims("depth-anything-v1-small").width, 384);
  for (const char* unknown : {"sd16", "large", "depth-anything-v3-large"}) {
    EXPECT_EQ(tests::thrown_by([&] { return stable_diffusion_dims(unknown); }).code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(tests::thrown_by([&] { return depth_anything_dims(unknown); }).code(), ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace comfystream::weights
