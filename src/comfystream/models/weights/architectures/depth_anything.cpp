// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/architectures/depth_anything.hpp"

#include "comfystream/models/weights/architectures/spec_list.hpp"

namespace comfystream::weights {
namespace {

void backbone(SpecList& list, const DepthAnythingDims& dims) {
  const std::int64_t width = dims.width;
  list.tensor("pretrained.cls_token", Shape{1, 1, width});
  list.tensor("pretrained.pos_embed", Shape{1, dims.position_grid * dims.position_grid + 1, width});
  list.tensor("pretrained.mask_token", Shape{1, width});
  list.conv("pretrained.patch_embed.proj", 3, width, dims.patch);
  for (std::int64_t i = 0; i < dims.layers; ++i) {
    const std::string block = "pretrained.blocks." + std::to_string(i);
    list.norm(block + ".norm1", width);
    list.linear(block + ".attn.qkv", width, width * 3);
    list.linear(block + ".attn.proj", width, width);
    list.tensor(block + ".ls1.gamma", Shape{width});
    list.norm(block + ".norm2", width);
    list.linear(block + ".mlp.fc1", width, width * 4);
    list.linear(block + ".mlp.fc2", width * 4, width);
    list.tensor(block + ".ls2.gamma", Shape{width});
  }
  list.norm("pretrained.norm", width);
}

void transposed_conv(SpecList& list, const std::string& name, std::int64_t channels, std::int64_t kernel) {
  list.weight(name, Shape{channels, channels, kernel, kernel});
  list.bias(name, channels);
}

void head(SpecList& list, const DepthAnythingDims& dims) {
  const auto& neck = dims.neck_channels;
  for (std::size_t i = 0; i < neck.size(); ++i) {
    list.conv("depth_head.projects." + std::to_string(i), dims.width, neck[i], 1);
  }
  // Taps 0 and 1 are enlarged 4 and 2 times, tap 2 (an identity without tensors) stays, tap 3 is halved.
  transposed_conv(list, "depth_head.resize_layers.0", neck[0], 4);
  transposed_conv(list, "depth_head.resize_layers.1", neck[1], 2);
  list.conv("depth_head.resize_layers.3", neck[3], neck[3]);
  const std::string scratch = "depth_head.scratch.";
  for (std::size_t i = 0; i < neck.size(); ++i) {
    list.conv_no_bias(scratch + "layer" + std::to_string(i + 1) + "_rn", neck[i], dims.fusion_channels);
  }
  for (std::size_t i = 1; i <= neck.size(); ++i) {
    const std::string refine = scratch + "refinenet" + std::to_string(i);
    list.conv(refine + ".out_conv", dims.fusion_channels, dims.fusion_channels, 1);
    for (const char* conv : {"1.conv1", "1.conv2", "2.conv1", "2.conv2"}) {
      list.conv(refine + ".resConfUnit" + conv, dims.fusion_channels, dims.fusion_channels);
    }
  }
  list.conv(scratch + "output_conv1", dims.fusion_channels, dims.fusion_channels / 2);
  list.conv(scratch + "output_conv2.0", dims.fusion_channels / 2, dims.head_channels);
  list.conv(scratch + "output_conv2.2", dims.head_channels, 1, 1);
}

}  // namespace

TensorSpecs depth_anything_tensors(const DepthAnythingDims& dims) {
  SpecList list;
  backbone(list, dims);
  head(list, dims);
  return list.take();
}

}  // namespace comfystream::weights
