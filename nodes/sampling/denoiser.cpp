// SPDX-License-Identifier: Apache-2.0
#include "nodes/sampling/denoiser.hpp"

#include "comfystream/error.hpp"
#include "nodes/sampling/hint.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace comfystream::nodes {
namespace {

using diffusion::Prompt;
using graph::Builder;
using graph::Value;
using workflow::ConditioningValue;
using workflow::ControlApplication;
using workflow::LatentValue;
using workflow::ModelValue;
using workflow::NodeContext;

constexpr std::int64_t kPixelsPerLatent = 8;
constexpr std::int64_t kChunk = 77;

[[noreturn]] void refuse(const ModelValue& model, const std::string& what, std::int64_t value,
                         const engine::ProfileRange& range, const std::string& hint) {
  throw Error(ErrorCode::kUnsupported,
              "the engine '" + model.name + "' runs a " + what + " of " + range.to_string() +
                  ", and this workflow has " + std::to_string(value),
              hint);
}

void check_profile(const Builder& builder, const ModelValue& model, const LatentValue& latent) {
  if (!model.profile) return;
  const auto& profile = *model.profile;
  const std::string other = ", or build an engine whose profile holds this one";
  const std::int64_t height = latent.height * kPixelsPerLatent;
  const std::int64_t width = latent.width * kPixelsPerLatent;
  if (!profile.height.contains(height)) refuse(model, "height", height, profile.height, "choose another size" + other);
  if (!profile.width.contains(width)) refuse(model, "width", width, profile.width, "choose another size" + other);
  if (!latent.samples) return;
  const graph::Dim rows = builder.shape(*latent.samples)[0];
  if (!rows.batch && rows.count > profile.batch.max) {
    refuse(model, "batch", rows.count, profile.batch, "take fewer rows" + other);
  }
}

void check_context(const Builder& builder, const ModelValue& model, Value context) {
  const auto& shape = builder.shape(context);
  if (shape[2].count != model.unet->config().context_dim) {
    throw Error(ErrorCode::kInvalidArgument,
                "the prompt is encoded in " + std::to_string(shape[2].count) + " numbers a token, and the model '" +
                    model.name + "' reads " + std::to_string(model.unet->config().context_dim),
                "load the text encoder that belongs to the model");
  }
  const std::int64_t chunks = shape[1].count / kChunk;
  if (model.profile && chunks > model.profile->context.max) {
    refuse(model, "prompt (in chunks of 77 tokens)", chunks, model.profile->context,
           "shorten the prompt, or build an engine with a larger context");
  }
}

void check_control(const ModelValue& model, const ControlApplication& control) {
  const auto& net = control.net->config();
  const auto& unet = model.unet->config();
  if (net.model_channels == unet.model_channels && net.channel_mult == unet.channel_mult &&
      net.context_dim == unet.context_dim) {
    return;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "the ControlNet '" + control.name + "' is for another kind of model than '" + model.name + "'",
              "load one made for the model");
}

/// A node applies one ControlNet in one way.
bool same(const ControlApplication& a, const ControlApplication& b) { return a.scope == b.scope; }

bool equal_controls(const ConditioningValue& a, const ConditioningValue& b) {
  return std::ranges::equal(a.controls, b.controls, same);
}

/// `residuals` times `strength`, added to what earlier ControlNets gave.
void add_residuals(Builder& builder, models::ControlResiduals& total, models::ControlResiduals residuals,
                   Value strength) {
  const auto scaled = [&](Value value) { return builder.mul(value, strength); };
  for (Value& skip : residuals.skips) skip = scaled(skip);
  if (residuals.middle) residuals.middle = scaled(*residuals.middle);
  if (total.skips.empty()) {
    total = std::move(residuals);
    return;
  }
  for (std::size_t i = 0; i < total.skips.size(); ++i) {
    total.skips[i] = builder.add(total.skips[i], residuals.skips[i]);
  }
  if (residuals.middle) total.middle = builder.add(*total.middle, *residuals.middle);
}

}  // namespace

Denoiser::Denoiser(const NodeContext& context, const LatentValue& latent, const diffusion::SamplerPlan& plan,
                   const diffusion::ModelSampling& sampling) {
  const auto& model = context.input<ModelValue>("model");
  if (model.unet == nullptr) {
    throw Error(ErrorCode::kValidation, "'" + model.name + "' has no diffusion model",
                "load one with CheckpointLoaderSimple, UNETLoader or TensorRTLoader");
  }
  unet_ = model.unet;
  const Builder& builder = context.builder();
  check_profile(builder, model, latent);
  const double cfg = context.number("cfg");
  guided_ = cfg != 1.0;
  captures_ = {context.input<ConditioningValue>("positive").context};
  if (guided_) captures_.push_back(context.input<ConditioningValue>("negative").context);
  for (const Value prompt : captures_) check_context(builder, model, prompt);
  if (guided_) {
    captures_.push_back(context.live("cfg", Tensor::from<float>({1}, std::vector<float>{static_cast<float>(cfg)})));
  }
  add_controls(context, latent, plan, sampling);
}

void Denoiser::add_controls(const NodeContext& context, const LatentValue& latent, const diffusion::SamplerPlan& plan,
                            const diffusion::ModelSampling& sampling) {
  const auto& positive = context.input<ConditioningValue>("positive");
  const auto& negative = context.input<ConditioningValue>("negative");
  same_control_ = !guided_ || equal_controls(positive, negative);
  std::vector<Value> hints;
  std::vector<Value> strengths;
  const auto add = [&](const ControlApplication& control, bool of_positive, bool of_negative) {
    const diffusion::SigmaRange range{sampling.percent_to_sigma(control.start_percent),
                                      sampling.percent_to_sigma(control.end_percent)};
    const bool ever = std::ranges::any_of(plan.stages, [&](const auto& stage) { return range.contains(stage.sigma); });
    if (!ever) return;
    check_control(context.input<ModelValue>("model"), control);
    const auto scope = context.builder().outermost_scope(control.scope);
    hints.push_back(
        trace_hint(context.builder(), control.hint, latent.height * kPixelsPerLatent, latent.width * kPixelsPerLatent));
    strengths.push_back(control.strength);
    controls_.push_back({control.net, control.scope, of_positive, of_negative});
    ranges_.push_back(range);
  };
  for (const auto& control : positive.controls) add(control, true, guided_ && same_control_);
  if (!same_control_) {
    for (const auto& control : negative.controls) add(control, false, true);
  }
  captures_.insert(captures_.end(), hints.begin(), hints.end());
  captures_.insert(captures_.end(), strengths.begin(), strengths.end());
}

Value Denoiser::network(Builder& builder, const diffusion::DenoiseCall& call, Value x, Value context,
                        std::span<const Value> hints, Prompt prompt) const {
  models::ControlResiduals total;
  const std::span<const Value> strengths = call.captures.last(controls_.size());
  for (std::size_t i = 0; i < controls_.size(); ++i) {
    const Control& control = controls_[i];
    const bool takes_part = prompt == Prompt::kNegative ? control.negative : control.positive;
    if (!takes_part || call.active[i] == 0) continue;
    const auto scope = builder.outermost_scope(control.scope);
    add_residuals(builder, total, control.net->trace(builder, x, hints[i], call.timestep, context), strengths[i]);
  }
  const auto scope = builder.scope("unet");
  return unet_->trace(builder, x, call.timestep, context, total.skips.empty() ? nullptr : &total);
}

Value Denoiser::operator()(Builder& builder, const diffusion::DenoiseCall& call) const {
  const std::span<const Value> captures = call.captures;
  const std::size_t prompts = guided_ ? 3 : 1;
  const auto hints = captures.subspan(prompts, controls_.size());
  if (!guided_) return network(builder, call, call.x, captures[0], hints, Prompt::kPositive);
  diffusion::Guidance guidance;
  guidance.positive = captures[0];
  guidance.negative = captures[1];
  guidance.scale = captures[2];
  guidance.same_control = same_control_;
  guidance.rows.assign(hints.begin(), hints.end());
  return diffusion::trace_guidance(builder, guidance, call.x,
                                   [&](Builder& inner, Value x, Value context, std::span<const Value> rows,
                                       Prompt prompt) { return network(inner, call, x, context, rows, prompt); });
}

}  // namespace comfystream::nodes
