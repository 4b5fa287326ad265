// SPDX-License-Identifier: Apache-2.0
#include "comfystream/diffusion/trace_sampler.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

namespace comfystream::diffusion {
namespace {

using graph::Builder;
using graph::SymShape;
using graph::Value;

/// Stages [first, last) of a plan that are traced as one.
struct Stretch {
  std::span<const Stage> stages;
  std::size_t first = 0;
  std::vector<std::uint8_t> active;
};

std::vector<std::uint8_t> activity(const Stage& stage, std::span<const SigmaRange> ranges) {
  std::vector<std::uint8_t> active;
  for (const auto& range : ranges) active.push_back(range.contains(stage.sigma) ? 1 : 0);
  return active;
}

std::vector<Stretch> cut(std::span<const Stage> stages, std::span<const SigmaRange> ranges, bool unrolled) {
  std::vector<Stretch> stretches;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    auto active = activity(stages[i], ranges);
    if (!unrolled && !stretches.empty() && stretches.back().active == active) {
      auto& last = stretches.back();
      last.stages = stages.subspan(last.first, i + 1 - last.first);
    } else {
      stretches.push_back({stages.subspan(i, 1), i, std::move(active)});
    }
  }
  return stretches;
}

/// A number of the plan inside a stretch: the same for all of its stages, or a value that the loop changes.
struct Gain {
  float constant = 0.0F;
  std::optional<Value> varying;

  [[nodiscard]] bool zero() const { return !varying && constant == 0.0F; }
};

/// The plan's numbers and fresh noise, as values of the builder that a stretch is traced into.
struct StageValues {
  Value timestep;
  Gain input_scale, x, eps, memory, noise, memory_x, memory_eps;
  std::optional<Value> fresh_noise;
};

struct State {
  Value x;
  std::optional<Value> memory;
};

std::optional<Value> scaled(Builder& builder, Value value, const Gain& gain) {
  if (gain.varying) return builder.mul(value, *gain.varying);
  if (gain.constant == 0.0F) return std::nullopt;
  if (gain.constant == 1.0F) return value;
  return builder.mul(value, gain.constant);
}

Value sum(Builder& builder, std::initializer_list<std::optional<Value>> terms) {
  std::optional<Value> total;
  for (const auto& term : terms) {
    if (term) total = total ? builder.add(*total, *term) : *term;
  }
  return total ? *total : builder.scalar(0.0F);
}

/// Stage's formulas.
State trace_stage(Builder& builder, const StageValues& values, const State& state, std::span<const Value> captures,
                  std::span<const std::uint8_t> active, const DenoiseFn& denoise) {
  const Value scaled_x = *scaled(builder, state.x, values.input_scale);
  const Value eps = denoise(builder, {scaled_x, values.timestep, captures, active});
  State next;
  const auto from_memory = state.memory ? scaled(builder, *state.memory, values.memory) : std::nullopt;
  const auto from_noise = values.fresh_noise ? scaled(builder, *values.fresh_noise, values.noise) : std::nullopt;
  next.x =
      sum(builder, {scaled(builder, state.x, values.x), scaled(builder, eps, values.eps), from_memory, from_noise});
  if (values.memory_x.zero() && values.memory_eps.zero()) {
    next.memory = state.memory;
  } else {
    next.memory = sum(builder, {scaled(builder, state.x, values.memory_x), scaled(builder, eps, values.memory_eps)});
  }
  return next;
}

/// Tables of a loop: what the outer graph passes and what the body reads, in step.
class Tables {
 public:
  Tables(Builder& outer, Builder& body, std::span<const Stage> stages) : outer_(outer), body_(body), stages_(stages) {}

  Gain gain(std::string_view name, float Stage::*member) {
    const float first = stages_.front().*member;
    if (std::ranges::all_of(stages_, [&](const Stage& stage) { return stage.*member == first; })) return {first, {}};
    return {0.0F, numbers(name, member, {1, 1, 1, 1})};
  }
  /// [stages, ...row] of one number per stage, row having one element.
  Value numbers(std::string_view name, float Stage::*member, const Shape& row) {
    std::vector<float> values;
    for (const auto& stage : stages_) values.push_back(stage.*member);
    auto dims = row.dims();
    dims.insert(dims.begin(), static_cast<std::int64_t>(values.size()));
    return add(name, outer_.constant(Tensor::from<float>(Shape(std::move(dims)), values)));
  }
  Value add(std::string_view name, Value table) {
    operands_.push_back(table);
    SymShape row = outer_.shape(table);
    row.dims().erase(row.dims().begin());
    return body_.input(std::string(name), outer_.type(table).dtype, std::move(row));
  }
  [[nodiscard]] const std::vector<Value>& operands() const { return operands_; }

 private:
  Builder& outer_;
  Builder& body_;
  std::span<const Stage> stages_;
  std::vector<Value> operands_;
};

StageValues constant_values(Builder& builder, const Stage& stage, std::optional<Value> fresh_noise) {
  StageValues values;
  values.timestep = builder.constant(Tensor::from<float>(Shape{1}, std::vector<float>{stage.timestep}));
  values.input_scale.constant = stage.input_scale;
  values.x.constant = stage.x_gain;
  values.eps.constant = stage.eps_gain;
  values.memory.constant = stage.memory_gain;
  values.noise.constant = stage.noise_gain;
  values.memory_x.constant = stage.memory_x_gain;
  values.memory_eps.constant = stage.memory_eps_gain;
  values.fresh_noise = fresh_noise;
  return values;
}

StageValues table_values(Tables& tables, std::optional<Value> noise_table) {
  StageValues values;
  values.timestep = tables.numbers("timestep", &Stage::timestep, {1});
  values.input_scale = tables.gain("input_scale", &Stage::input_scale);
  values.x = tables.gain("x_gain", &Stage::x_gain);
  values.eps = tables.gain("eps_gain", &Stage::eps_gain);
  values.memory = tables.gain("memory_gain", &Stage::memory_gain);
  values.noise = tables.gain("noise_gain", &Stage::noise_gain);
  values.memory_x = tables.gain("memory_x_gain", &Stage::memory_x_gain);
  values.memory_eps = tables.gain("memory_eps_gain", &Stage::memory_eps_gain);
  if (noise_table && !values.noise.zero()) values.fresh_noise = tables.add("step_noise", *noise_table);
  return values;
}

/// What one trace of a plan shares.
class Tracer {
 public:
  Tracer(Builder& builder, const SamplerPlan& plan, const SamplerInputs& inputs, const DenoiseFn& denoise)
      : builder_(builder), inputs_(inputs), denoise_(denoise), with_memory_(plan.uses_memory()) {}

  State run(const Stretch& stretch, const State& state) {
    return stretch.stages.size() == 1 ? inline_stage(stretch, state) : loop(stretch, state);
  }

 private:
  State inline_stage(const Stretch& stretch, const State& state) {
    const Stage& stage = stretch.stages.front();
    std::optional<Value> noise;
    if (stage.noise_gain != 0.0F) {
      SymShape row = builder_.shape(*inputs_.step_noise);
      row.dims().erase(row.dims().begin());
      noise = builder_.reshape(noise_rows(stretch), std::move(row));
    }
    const auto scope = builder_.scope("step_" + std::to_string(stretch.first));
    return trace_stage(builder_, constant_values(builder_, stage, noise), state, inputs_.captures, stretch.active,
                       denoise_);
  }

  /// A loop has one result, so x and the memory travel as one value of twice the channels.
  State loop(const Stretch& stretch, const State& state) {
    Value carried = state.x;
    if (with_memory_) carried = builder_.concat({state.x, state.memory.value_or(state.x)}, 1);
    auto [attrs, operands, type] = make_body(stretch, carried);
    if (type != builder_.type(carried)) {
      // The denoiser brought per-frame values in: from here on x is per frame from the start.
      carried = builder_.with_rows(carried, type.shape[0]);
      std::tie(attrs, operands, type) = make_body(stretch, carried);
    }
    return split(builder_, builder_.loop(std::move(attrs), operands));
  }

  std::tuple<graph::LoopAttrs, std::vector<Value>, graph::ValueType> make_body(const Stretch& stretch, Value carried) {
    Builder body;
    Tables tables(builder_, body, stretch.stages);
    const auto noise = inputs_.step_noise ? std::optional<Value>(noise_rows(stretch)) : std::nullopt;
    const StageValues values = table_values(tables, noise);
    auto operands = tables.operands();
    const auto table_count = static_cast<std::int64_t>(operands.size());

    const auto bring = [&](const std::string& name, Value outer) {
      operands.push_back(outer);
      return body.input(name, builder_.type(outer).dtype, builder_.shape(outer));
    };
    const Value state = bring("state", carried);
    std::vector<Value> captures;
    for (const Value capture : inputs_.captures) {
      captures.push_back(bring("capture_" + std::to_string(captures.size()), capture));
    }
    {
      const auto scope = body.scope(inputs_.body_scope.empty() ? "sampler" : inputs_.body_scope);
      const State next = trace_stage(body, values, split(body, state), captures, stretch.active, denoise_);
      body.output("state", with_memory_ ? body.concat({next.x, *next.memory}, 1) : next.x);
    }
    const graph::ValueType type = body.type(body.graph().outputs().front().value);
    graph::LoopAttrs attrs;
    attrs.body = std::make_shared<const graph::Graph>(body.take());
    attrs.trip_count = static_cast<std::int64_t>(stretch.stages.size());
    attrs.tables = table_count;
    attrs.carried = 1;
    return {std::move(attrs), std::move(operands), type};
  }

  State split(Builder& builder, Value carried) const {
    if (!with_memory_) return {carried, std::nullopt};
    const auto channels = builder.shape(carried)[1].count / 2;
    return {builder.slice(carried, 1, 0, channels), builder.slice(carried, 1, channels, 2 * channels)};
  }

  Value noise_rows(const Stretch& stretch) {
    const auto first = static_cast<std::int64_t>(stretch.first);
    return builder_.slice(*inputs_.step_noise, 0, first, first + static_cast<std::int64_t>(stretch.stages.size()));
  }

  Builder& builder_;
  const SamplerInputs& inputs_;
  const DenoiseFn& denoise_;
  bool with_memory_;
};

void check_step_noise(const Builder& builder, const SamplerPlan& plan, const SamplerInputs& inputs) {
  if (!plan.uses_step_noise()) return;
  if (!inputs.step_noise) {
    throw Error(ErrorCode::kInvalidArgument, "this sampler adds noise at its steps, and none was given",
                "pass make_step_noise()'s tensor");
  }
  const auto& shape = builder.shape(*inputs.step_noise);
  if (shape.rank() != 5 || shape[0] != graph::Dim(static_cast<std::int64_t>(plan.stages.size()))) {
    throw Error(ErrorCode::kInvalidArgument, "step noise " + shape.to_string() + " is not [" +
                                                 std::to_string(plan.stages.size()) + ", 1, channels, height, width]");
  }
}

}  // namespace

Value trace_sampler(Builder& builder, const SamplerPlan& plan, const SamplerInputs& inputs, const DenoiseFn& denoise,
                    std::size_t most_unrolled) {
  check_step_noise(builder, plan, inputs);
  if (plan.stages.empty() && inputs.latent) return *inputs.latent;
  State state{builder.mul(inputs.noise, plan.noise_scale), std::nullopt};
  if (inputs.latent) state.x = builder.add(state.x, *inputs.latent);
  Tracer tracer(builder, plan, inputs, denoise);
  const bool unrolled = plan.stages.size() <= most_unrolled;
  for (const auto& stretch : cut(plan.stages, inputs.ranges, unrolled)) state = tracer.run(stretch, state);
  return state.x;
}

}  // namespace comfystream::diffusion
