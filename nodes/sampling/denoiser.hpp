// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/diffusion/guidance.hpp"
#include "comfystream/diffusion/trace_sampler.hpp"
#include "comfystream/workflow/node.hpp"

#include <memory>
#include <span>
#include <vector>

namespace comfystream::nodes {

/// KSampler's network: the UNet with its prompts, guidance and ControlNets, as a sampler evaluates it
/// (diffusion::DenoiseFn). The values of the surrounding graph that it needs are made by the constructor; calls may
/// trace into the same builder or into a loop's body.
class Denoiser {
 public:
  /// Reads the sampler node's inputs model, positive, negative and cfg. Errors: a part that is missing or made for
  /// another model, and sizes that the engine's profile does not hold.
  Denoiser(const workflow::NodeContext& context, const workflow::LatentValue& latent,
           const diffusion::SamplerPlan& plan, const diffusion::ModelSampling& sampling);

  [[nodiscard]] const std::vector<graph::Value>& captures() const noexcept { return captures_; }
  [[nodiscard]] const std::vector<diffusion::SigmaRange>& ranges() const noexcept { return ranges_; }

  graph::Value operator()(graph::Builder& builder, const diffusion::DenoiseCall& call) const;

 private:
  struct Control {
    std::shared_ptr<const models::ControlNet> net;
    std::string scope;
    bool positive = false;  ///< whose prompts it belongs to
    bool negative = false;
  };

  void add_controls(const workflow::NodeContext& context, const workflow::LatentValue& latent,
                    const diffusion::SamplerPlan& plan, const diffusion::ModelSampling& sampling);
  [[nodiscard]] graph::Value network(graph::Builder& builder, const diffusion::DenoiseCall& call, graph::Value x,
                                     graph::Value context, std::span<const graph::Value> hints,
                                     diffusion::Prompt prompt) const;

  std::shared_ptr<const models::UNet> unet_;
  bool guided_ = false;
  bool same_control_ = true;
  std::vector<Control> controls_;  ///< in the order of ranges_
  /// positive; negative and cfg where guided; a hint for each control; a strength for each control.
  std::vector<graph::Value> captures_;
  std::vector<diffusion::SigmaRange> ranges_;
};

}  // namespace comfystream::nodes
