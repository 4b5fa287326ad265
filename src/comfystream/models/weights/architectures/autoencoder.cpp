// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/architectures/autoencoder.hpp"

#include "comfystream/models/weights/architectures/spec_list.hpp"

namespace comfystream::weights {
namespace {

void res_block(SpecList& list, const std::string& name, std::int64_t in, std::int64_t out) {
  list.norm(name + ".norm1", in);
  list.conv(name + ".conv1", in, out);
  list.norm(name + ".norm2", out);
  list.conv(name + ".conv2", out, out);
  if (in != out) list.conv(name + ".nin_shortcut", in, out, 1);
}

void middle(SpecList& list, const std::string& half, std::int64_t channels) {
  res_block(list, half + ".mid.block_1", channels, channels);
  list.norm(half + ".mid.attn_1.norm", channels);
  for (const char* part : {"q", "k", "v", "proj_out"}) {
    list.conv(half + ".mid.attn_1." + part, channels, channels, 1);
  }
  res_block(list, half + ".mid.block_2", channels, channels);
}

void encoder(SpecList& list, const AutoencoderKlDims& dims) {
  list.conv("encoder.conv_in", 3, dims.channels);
  std::int64_t channels = dims.channels;
  for (std::size_t level = 0; level < dims.channel_mult.size(); ++level) {
    const std::string down = "encoder.down." + std::to_string(level);
    for (std::int64_t i = 0; i < dims.res_blocks; ++i) {
      const std::int64_t out = dims.channels * dims.channel_mult[level];
      res_block(list, down + ".block." + std::to_string(i), channels, out);
      channels = out;
    }
    if (level + 1 < dims.channel_mult.size()) list.conv(down + ".downsample.conv", channels, channels);
  }
  middle(list, "encoder", channels);
  list.norm("encoder.norm_out", channels);
  list.conv("encoder.conv_out", channels, dims.latent_channels * 2);
}

void decoder(SpecList& list, const AutoencoderKlDims& dims) {
  std::int64_t channels = dims.channels * dims.channel_mult.back();
  list.conv("decoder.conv_in", dims.latent_channels, channels);
  middle(list, "decoder", channels);
  for (std::size_t level = dims.channel_mult.size(); level-- > 0;) {
    const std::string up = "decoder.up." + std::to_string(level);
    for (std::int64_t i = 0; i <= dims.res_blocks; ++i) {
      const std::int64_t out = dims.channels * dims.channel_mult[level];
      res_block(list, up + ".block." + std::to_string(i), channels, out);
      channels = out;
    }
    if (level > 0) list.conv(up + ".upsample.conv", channels, channels);
  }
  list.norm("decoder.norm_out", channels);
  list.conv("decoder.conv_out", channels, 3);
}

/// TAESD's Block: three convolutions with ReLU between, under indices 0, 2 and 4.
void tiny_block(SpecList& list, std::int64_t index, std::int64_t channels) {
  const std::string name = std::to_string(index) + ".conv.";
  for (const char* conv : {"0", "2", "4"}) list.conv(name + conv, channels, channels);
}

}  // namespace

TensorSpecs autoencoder_kl_tensors(const AutoencoderKlDims& dims) {
  SpecList list;
  encoder(list, dims);
  decoder(list, dims);
  list.conv("quant_conv", dims.latent_channels * 2, dims.latent_channels * 2, 1);
  list.conv("post_quant_conv", dims.latent_channels, dims.latent_channels, 1);
  return list.take();
}

TensorSpecs taesd_encoder_tensors(const TaesdDims& dims) {
  SpecList list;
  list.conv("0", 3, dims.channels);
  tiny_block(list, 1, dims.channels);
  std::int64_t index = 2;
  for (int level = 0; level < 3; ++level) {
    list.conv_no_bias(std::to_string(index++), dims.channels, dims.channels);  // halves the picture
    for (int i = 0; i < 3; ++i) tiny_block(list, index++, dims.channels);
  }
  list.conv(std::to_string(index), dims.channels, dims.latent_channels);
  return list.take();
}

TensorSpecs taesd_decoder_tensors(const TaesdDims& dims) {
  SpecList list;
  list.conv("1", dims.latent_channels, dims.channels);
  std::int64_t index = 3;  // 0 is the clamp, 2 a ReLU
  for (int level = 0; level < 3; ++level) {
    for (int i = 0; i < 3; ++i) tiny_block(list, index++, dims.channels);
    ++index;  // the upsampling
    list.conv_no_bias(std::to_string(index++), dims.channels, dims.channels);
  }
  tiny_block(list, index++, dims.channels);
  list.conv(std::to_string(index), dims.channels, 3);
  return list.take();
}

}  // namespace comfystream::weights
