// SPDX-License-Identifier: Apache-2.0
// The networks at SD 1.5's published size: traced, never run.
#include "comfystream/error.hpp"
#include "comfystream/models/controlnet.hpp"
#include "comfystream/models/unet.hpp"
#include "comfystream/models/vae.hpp"
#include "comfystream/models/weights/architectures/presets.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace comfystream::models {
namespace {

using graph::SymShape;
using graph::Value;

/// Half-precision weights that all share one buffer, so that a large model takes no memory.
weights::WeightMap hollow(const weights::TensorSpecs& specs) {
  std::int64_t largest = 0;
  for (const auto& spec : specs) largest = std::max(largest, spec.shape.elements());
  const auto buffer = std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(largest) * 2);
  weights::WeightMap map("hollow.safetensors");
  for (const auto& spec : specs) {
    const std::span<const std::byte> bytes(buffer->data(), static_cast<std::size_t>(spec.shape.elements()) * 2);
    map.insert(spec.name, Tensor::borrow(DType::kF16, spec.shape, bytes, buffer));
  }
  return map;
}

/// Multiplications and additions of the convolutions and matrix products for one frame, as PyTorch's FlopCounterMode
/// counts them.
double operations(const graph::Graph& graph, const graph::Node& node) {
  const auto elements = static_cast<double>(node.type.shape.elements().count);
  const auto dims = [&](std::size_t operand) -> const SymShape& { return graph.type(node.operands[operand]).shape; };
  switch (node.kind) {
    case graph::OpKind::kConv2d:
      return 2 * elements * static_cast<double>(dims(1)[1].count * dims(1)[2].count * dims(1)[3].count);
    case graph::OpKind::kLinear:
      return 2 * elements * static_cast<double>(dims(1)[1].count);
    case graph::OpKind::kAttention:  // two products with as many keys, over equal head sizes
      return 4 * elements * static_cast<double>(dims(1)[2].count);
    default:
      return 0;
  }
}

double tera_operations(const graph::Graph& graph) {
  double sum = 0;
  for (const auto& node : graph.nodes()) sum += operations(graph, node);
  return sum / 1e12;
}

class FullSize : public ::testing::Test {
 protected:
  Value input(const char* name, std::int64_t channels, std::int64_t side) {
    return builder_.input(name, DType::kF32, {graph::kBatch, channels, side, side});
  }
  Value zeros(const Shape& shape) { return builder_.constant(Tensor(DType::kF32, shape)); }

  weights::StableDiffusionDims dims_ = weights::stable_diffusion_dims("sd15");
  graph::Builder builder_;
};

TEST_F(FullSize, UNet) {
  const UNet unet(hollow(weights::unet_tensors(dims_.unet)));
  EXPECT_EQ(unet.config(), (UNetConfig{.channel_mult = {1, 2, 4, 4}, .transformer_depth = {1, 1, 1, 0}}));
  const Value eps = unet.trace(builder_, input("x", 4, 64), zeros({1}), zeros({1, 77, 768}));
  EXPECT_EQ(builder_.shape(eps), (SymShape{graph::kBatch, 4, 64, 64}));
  builder_.output("eps", eps);
  const graph::Graph graph = builder_.take();
  EXPECT_NEAR(tera_operations(graph), 0.803, 0.012);
  RecordProperty("nodes", static_cast<int>(graph.nodes().size()));
  RecordProperty("tera_operations", std::to_string(tera_operations(graph)));
}

TEST_F(FullSize, ControlNet) {
  const ControlNet net(hollow(weights::controlnet_tensors(dims_.unet, dims_.hint)));
  const auto control = net.trace(builder_, input("x", 4, 64), input("hint", 3, 512), zeros({1}), zeros({1, 77, 768}));
  ASSERT_EQ(control.skips.size(), 12U);
  EXPECT_EQ(builder_.shape(control.skips[11]), (SymShape{graph::kBatch, 1280, 8, 8}));
  builder_.output("middle", *control.middle);
  const graph::Graph graph = builder_.take();
  EXPECT_NEAR(tera_operations(graph), 0.283, 0.005);
  RecordProperty("nodes", static_cast<int>(graph.nodes().size()));
  RecordProperty("tera_operations", std::to_string(tera_operations(graph)));
}

TEST_F(FullSize, TaesdDecoder) {
  const auto vae = make_autoencoder_tiny({}, hollow(weights::taesd_decoder_tensors(dims_.taesd)));
  const Value picture = vae->decode(builder_, input("latent", 4, 64));
  EXPECT_EQ(builder_.shape(picture), (SymShape{graph::kBatch, 3, 512, 512}));
  builder_.output("picture", picture);
  const graph::Graph graph = builder_.take();
  EXPECT_NEAR(tera_operations(graph), 0.141, 0.003);
  RecordProperty("nodes", static_cast<int>(graph.nodes().size()));
  RecordProperty("tera_operations", std::to_string(tera_operations(graph)));
}

TEST_F(FullSize, AutoencoderKl) {
  const auto vae = make_autoencoder_kl(hollow(weights::autoencoder_kl_tensors(dims_.vae)));
  EXPECT_EQ(vae->downscale(), 8);
  const Value latent = vae->encode(builder_, input("picture", 3, 512));
  EXPECT_EQ(builder_.shape(latent), (SymShape{graph::kBatch, 4, 64, 64}));
  const Value decoded = vae->decode(builder_, latent);
  EXPECT_EQ(builder_.shape(decoded), (SymShape{graph::kBatch, 3, 512, 512}));
  builder_.output("picture", decoded);
}

TEST(UNetConfig, OtherFamiliesAreNamed) {
  auto dims = weights::stable_diffusion_dims("sd15");
  dims.unet.context_dim = 1024;
  EXPECT_THROW(UNet{hollow(weights::unet_tensors(dims.unet))}, Error);
  auto specs = weights::unet_tensors(weights::stable_diffusion_dims("sd15-tiny").unet);
  EXPECT_NO_THROW(UNet{hollow(specs)});
  specs.push_back({"label_emb.0.0.weight", Shape{8, 8}});
  EXPECT_THROW(UNet{hollow(specs)}, Error);
}

}  // namespace
}  // namespace comfystream::models
