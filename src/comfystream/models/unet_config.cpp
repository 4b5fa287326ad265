// SPDX-License-Identifier: Apache-2.0
#include "comfystream/error.hpp"
#include "comfystream/models/unet.hpp"

namespace comfystream::models {
namespace {

[[noreturn]] void refuse(const weights::WeightMap& ldm, const std::string& why, const std::string& hint = {}) {
  throw Error(ErrorCode::kUnsupported, (ldm.origin().empty() ? "the model" : "'" + ldm.origin() + "'") + " " + why,
              hint);
}

/// The sizes of one tensor, whose rank is checked.
const Shape& shape_of(const weights::WeightMap& ldm, const std::string& name, std::size_t rank) {
  const Shape& shape = ldm.at(name).shape();
  if (shape.rank() != rank) refuse(ldm, "has '" + name + "' of shape " + shape.to_string() + ": not an SD 1.x network");
  return shape;
}

/// Walks input_blocks: each residual block belongs to the level that the last downsampling began.
class LevelReader {
 public:
  LevelReader(const weights::WeightMap& ldm, UNetConfig& config) : ldm_(ldm), config_(config) {}

  void read() {
    const std::int64_t blocks = ldm_.count_indexed("input_blocks.");
    for (std::int64_t i = 1; i < blocks; ++i) {
      const std::string block = "input_blocks." + std::to_string(i);
      if (ldm_.contains(block + ".0.op.weight")) {
        finish_level();
      } else {
        residual_block(block);
      }
    }
    finish_level();
  }

 private:
  void residual_block(const std::string& block) {
    const std::int64_t channels = shape_of(ldm_, block + ".0.out_layers.3.weight", 4)[0];
    const std::int64_t depth = ldm_.count_indexed(block + ".1.transformer_blocks.");
    if (channels % config_.model_channels != 0)
      refuse(ldm_, "has " + block + " of odd width " + std::to_string(channels));
    if (blocks_ == 0) {
      config_.channel_mult.push_back(channels / config_.model_channels);
      config_.transformer_depth.push_back(depth);
    } else if (channels != config_.channel_mult.back() * config_.model_channels ||
               depth != config_.transformer_depth.back()) {
      refuse(ldm_, "has a level whose blocks differ at " + block);
    }
    ++blocks_;
  }

  void finish_level() {
    if (config_.channel_mult.size() == 1) config_.res_blocks = blocks_;
    if (blocks_ == 0 || blocks_ != config_.res_blocks) refuse(ldm_, "has levels of unequal numbers of blocks");
    blocks_ = 0;
  }

  const weights::WeightMap& ldm_;
  UNetConfig& config_;
  std::int64_t blocks_ = 0;
};

std::int64_t context_width(const weights::WeightMap& ldm) {
  for (const auto& [name, tensor] : ldm.tensors()) {
    if (name.ends_with(".attn2.to_k.weight")) return shape_of(ldm, name, 2)[1];
  }
  refuse(ldm, "has no attention to a prompt: not an SD 1.x network");
}

}  // namespace

UNetConfig infer_unet_config(const weights::WeightMap& ldm) {
  UNetConfig config;
  const Shape first = shape_of(ldm, "input_blocks.0.0.weight", 4);
  config.model_channels = first[0];
  config.in_channels = first[1];
  if (config.model_channels == 0) refuse(ldm, "has an empty first convolution");
  if (ldm.contains("out.2.weight")) config.out_channels = shape_of(ldm, "out.2.weight", 4)[0];
  LevelReader(ldm, config).read();
  config.middle_depth = ldm.count_indexed("middle_block.1.transformer_blocks.");
  config.context_dim = context_width(ldm);
  if (ldm.contains("label_emb.0.0.weight")) {
    refuse(ldm, "takes a size or class embedding: an SDXL network", "use an SD 1.x model");
  }
  if (config.model_channels == 320 && config.context_dim != 768) {
    refuse(ldm,
           "takes prompts of width " + std::to_string(config.context_dim) + ": an SD 2.x network, not an SD 1.x one",
           "use an SD 1.x model");
  }
  return config;
}

}  // namespace comfystream::models
