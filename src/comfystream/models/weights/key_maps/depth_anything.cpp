// SPDX-License-Identifier: Apache-2.0
#include "comfystream/error.hpp"
#include "comfystream/models/weights/key_maps.hpp"
#include "comfystream/models/weights/key_maps/key_mapper.hpp"

#include <array>
#include <cstring>

namespace comfystream::weights {
namespace {

constexpr const char* kDepth = "a Depth Anything model";

/// Query, key and value one below the other, as the official files keep them.
Tensor stacked(const std::array<const Tensor*, 3>& parts, const std::string& name) {
  const Tensor& first = *parts[0];
  for (const Tensor* part : parts) {
    if (part->dtype() != first.dtype() || part->shape() != first.shape() || first.shape().rank() == 0) {
      throw Error(ErrorCode::kInvalidArgument, "query, key and value of '" + name + "' differ in shape or type");
    }
  }
  std::vector<std::int64_t> dims = first.shape().dims();
  dims[0] *= 3;
  Tensor result(first.dtype(), Shape(dims));
  auto out = result.mutable_bytes();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto bytes = parts[i]->bytes();
    if (!bytes.empty()) std::memcpy(out.data() + i * bytes.size(), bytes.data(), bytes.size());
  }
  return result;
}

void query_key_value(KeyMapper& map, const std::string& from, const std::string& to) {
  const bool newer = map.source().contains(from + ".q_proj.weight");  // transformers 5 renamed the modules
  const std::array<std::string, 3> names =
      newer ? std::array<std::string, 3>{".q_proj", ".k_proj", ".v_proj"}
            : std::array<std::string, 3>{".attention.query", ".attention.key", ".attention.value"};
  for (const char* part : {".weight", ".bias"}) {
    std::array<const Tensor*, 3> tensors{};
    bool whole = true;
    for (std::size_t i = 0; i < names.size(); ++i) {
      tensors[i] = map.source().find(from + names[i] + part);
      if (tensors[i] != nullptr) continue;
      map.note_missing(from + names[i] + part);
      whole = false;
    }
    if (whole) map.insert(to + ".qkv" + part, stacked(tensors, from));
  }
  map.layer(from + (newer ? ".o_proj" : ".output.dense"), to + ".proj");
}

void backbone(KeyMapper& map) {
  map.tensor("backbone.embeddings.cls_token", "pretrained.cls_token");
  map.tensor("backbone.embeddings.position_embeddings", "pretrained.pos_embed");
  if (map.source().contains("backbone.embeddings.mask_token")) {
    map.tensor("backbone.embeddings.mask_token", "pretrained.mask_token");
  }
  map.layer("backbone.embeddings.patch_embeddings.projection", "pretrained.patch_embed.proj");
  const std::int64_t layers = map.source().count_indexed("backbone.encoder.layer.");
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::string from = "backbone.encoder.layer." + std::to_string(i);
    const std::string to = "pretrained.blocks." + std::to_string(i);
    query_key_value(map, from + ".attention", to + ".attn");
    for (const char* part : {".norm1", ".norm2", ".mlp.fc1", ".mlp.fc2"}) map.layer(from + part, to + part);
    map.tensor(from + ".layer_scale1.lambda1", to + ".ls1.gamma");
    map.tensor(from + ".layer_scale2.lambda1", to + ".ls2.gamma");
  }
  map.layer("backbone.layernorm", "pretrained.norm");
}

void fusion(KeyMapper& map, const std::string& from, const std::string& to) {
  map.layer(from + ".projection", to + ".out_conv");
  for (const char* unit : {"1", "2"}) {
    for (const char* conv : {"1", "2"}) {
      map.optional_layer(from + ".residual_layer" + unit + ".convolution" + conv,
                         to + ".resConfUnit" + unit + ".conv" + conv);
    }
  }
}

void head(KeyMapper& map) {
  const std::string scratch = "depth_head.scratch.";
  const std::int64_t taps = map.source().count_indexed("neck.reassemble_stage.layers.");
  for (std::int64_t i = 0; i < taps; ++i) {
    const std::string index = std::to_string(i);
    const std::string from = "neck.reassemble_stage.layers." + index;
    map.layer(from + ".projection", "depth_head.projects." + index);
    map.optional_layer(from + ".resize", "depth_head.resize_layers." + index);
    map.layer("neck.convs." + index, scratch + "layer" + std::to_string(i + 1) + "_rn");
    // The fusion runs from the last tap to the first; the official names count the taps.
    fusion(map, "neck.fusion_stage.layers." + index, scratch + "refinenet" + std::to_string(taps - i));
  }
  map.layer("head.conv1", scratch + "output_conv1");
  map.layer("head.conv2", scratch + "output_conv2.0");
  map.layer("head.conv3", scratch + "output_conv2.2");
}

}  // namespace

WeightMap to_depth_anything_keys(const WeightMap& weights) {
  WeightMap plain = without_prefix(weights, {"module.", "model."});
  if (plain.contains("pretrained.cls_token")) return plain;
  if (!plain.contains("backbone.embeddings.cls_token")) {
    throw_wrong_layout(weights, kDepth, {"pretrained.cls_token", "backbone.embeddings.cls_token"});
  }
  KeyMapper map(plain, kDepth);
  backbone(map);
  head(map);
  return map.take();
}

}  // namespace comfystream::weights
