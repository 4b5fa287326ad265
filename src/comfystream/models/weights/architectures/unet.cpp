// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/architectures/unet.hpp"

#include "comfystream/models/weights/architectures/spec_list.hpp"

namespace comfystream::weights {
namespace {

std::string numbered(const std::string& prefix, std::int64_t index) { return prefix + "." + std::to_string(index); }

/// Names and widths of the UNet's halves; ControlNet is the first half with outlets.
class UNetSpecs {
 public:
  explicit UNetSpecs(const UNetDims& dims) : dims_(dims), time_(dims.model_channels * 4) {}

  void time_embedding() {
    list_.linear("time_embed.0", dims_.model_channels, time_);
    list_.linear("time_embed.2", time_, time_);
  }
  void input_blocks();
  void middle_block();
  void output_blocks();
  void output();

  /// Channels that each input block leaves, first block first.
  [[nodiscard]] const std::vector<std::int64_t>& skips() const noexcept { return skips_; }
  [[nodiscard]] std::int64_t channels() const noexcept { return channels_; }
  [[nodiscard]] SpecList& list() noexcept { return list_; }

 private:
  [[nodiscard]] std::size_t levels() const noexcept { return dims_.channel_mult.size(); }
  [[nodiscard]] std::int64_t width(std::size_t level) const { return dims_.model_channels * dims_.channel_mult[level]; }
  void res_block(const std::string& name, std::int64_t in, std::int64_t out);
  void transformer(const std::string& name, std::int64_t channels, std::int64_t depth);
  void attention(const std::string& name, std::int64_t channels, std::int64_t context);

  UNetDims dims_;
  std::int64_t time_;
  std::int64_t channels_ = 0;
  std::vector<std::int64_t> skips_;
  SpecList list_;
};

void UNetSpecs::res_block(const std::string& name, std::int64_t in, std::int64_t out) {
  list_.norm(name + ".in_layers.0", in);
  list_.conv(name + ".in_layers.2", in, out);
  list_.linear(name + ".emb_layers.1", time_, out);
  list_.norm(name + ".out_layers.0", out);
  list_.conv(name + ".out_layers.3", out, out);
  if (in != out) list_.conv(name + ".skip_connection", in, out, 1);
}

void UNetSpecs::attention(const std::string& name, std::int64_t channels, std::int64_t context) {
  list_.linear_no_bias(name + ".to_q", channels, channels);
  list_.linear_no_bias(name + ".to_k", context, channels);
  list_.linear_no_bias(name + ".to_v", context, channels);
  list_.linear(name + ".to_out.0", channels, channels);
}

void UNetSpecs::transformer(const std::string& name, std::int64_t channels, std::int64_t depth) {
  list_.norm(name + ".norm", channels);
  list_.conv(name + ".proj_in", channels, channels, 1);
  for (std::int64_t i = 0; i < depth; ++i) {
    const std::string block = numbered(name + ".transformer_blocks", i);
    attention(block + ".attn1", channels, channels);
    list_.linear(block + ".ff.net.0.proj", channels, channels * 8);  // GEGLU: value and gate of 4 * channels each
    list_.linear(block + ".ff.net.2", channels * 4, channels);
    attention(block + ".attn2", channels, dims_.context_dim);
    for (const char* norm : {".norm1", ".norm2", ".norm3"}) list_.norm(block + norm, channels);
  }
  list_.conv(name + ".proj_out", channels, channels, 1);
}

void UNetSpecs::input_blocks() {
  channels_ = dims_.model_channels;
  list_.conv("input_blocks.0.0", dims_.in_channels, channels_);
  skips_.assign(1, channels_);
  for (std::size_t level = 0; level < levels(); ++level) {
    for (std::int64_t i = 0; i < dims_.res_blocks; ++i) {
      const std::string block = numbered("input_blocks", static_cast<std::int64_t>(skips_.size()));
      res_block(block + ".0", channels_, width(level));
      channels_ = width(level);
      if (dims_.transformer_depth[level] > 0) transformer(block + ".1", channels_, dims_.transformer_depth[level]);
      skips_.push_back(channels_);
    }
    if (level + 1 == levels()) break;
    list_.conv(numbered("input_blocks", static_cast<std::int64_t>(skips_.size())) + ".0.op", channels_, channels_);
    skips_.push_back(channels_);
  }
}

void UNetSpecs::middle_block() {
  res_block("middle_block.0", channels_, channels_);
  if (dims_.middle_depth > 0) transformer("middle_block.1", channels_, dims_.middle_depth);
  res_block(dims_.middle_depth > 0 ? "middle_block.2" : "middle_block.1", channels_, channels_);
}

void UNetSpecs::output_blocks() {
  std::int64_t index = 0;
  std::vector<std::int64_t> skips = skips_;
  for (std::size_t level = levels(); level-- > 0;) {
    for (std::int64_t i = 0; i <= dims_.res_blocks; ++i) {
      const std::string block = numbered("output_blocks", index++);
      res_block(block + ".0", channels_ + skips.back(), width(level));
      skips.pop_back();
      channels_ = width(level);
      std::int64_t part = 1;
      if (dims_.transformer_depth[level] > 0) {
        transformer(numbered(block, part++), channels_, dims_.transformer_depth[level]);
      }
      if (level > 0 && i == dims_.res_blocks) list_.conv(numbered(block, part) + ".conv", channels_, channels_);
    }
  }
}

void UNetSpecs::output() {
  list_.norm("out.0", channels_);
  list_.conv("out.2", channels_, dims_.out_channels);
}

}  // namespace

TensorSpecs unet_tensors(const UNetDims& dims) {
  UNetSpecs specs(dims);
  specs.time_embedding();
  specs.input_blocks();
  specs.middle_block();
  specs.output_blocks();
  specs.output();
  return specs.list().take();
}

TensorSpecs controlnet_tensors(const UNetDims& dims, const HintDims& hint) {
  UNetSpecs specs(dims);
  specs.time_embedding();
  specs.input_blocks();
  specs.middle_block();
  std::int64_t channels = hint.picture_channels;
  std::int64_t index = 0;  // of a sequence of convolutions with a SiLU between each two
  for (const std::int64_t next : hint.channels) {
    specs.list().conv(numbered("input_hint_block", index), channels, next);
    channels = next;
    index += 2;
  }
  specs.list().conv(numbered("input_hint_block", index), channels, dims.model_channels);
  for (std::size_t i = 0; i < specs.skips().size(); ++i) {
    const std::int64_t width = specs.skips()[i];
    specs.list().conv(numbered("zero_convs", static_cast<std::int64_t>(i)) + ".0", width, width, 1);
  }
  specs.list().conv("middle_block_out.0", specs.channels(), specs.channels(), 1);
  return specs.list().take();
}

}  // namespace comfystream::weights
