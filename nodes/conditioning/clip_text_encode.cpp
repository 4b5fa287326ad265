// SPDX-License-Identifier: Apache-2.0
#include "nodes/conditioning/clip_text_encode.hpp"

#include "comfystream/error.hpp"

#include <cstdint>

namespace comfystream::nodes {

using workflow::NodeContext;

namespace {

workflow::NodeSpec make_spec() {
  workflow::NodeSpec spec;
  spec.class_type = "CLIPTextEncode";
  spec.display_name = "CLIP Text Encode (Prompt)";
  spec.category = "conditioning";
  spec.description = "Encodes a prompt with a CLIP text encoder.";
  spec.python_module = "nodes";
  spec.inputs = {workflow::string_input("text", "", true), workflow::socket_input("clip", "CLIP")};
  spec.outputs = {{"CONDITIONING", ""}};
  return spec;
}

}  // namespace

CLIPTextEncode::CLIPTextEncode() : SpecNode(make_spec()) {}

void CLIPTextEncode::trace(NodeContext& context) const {
  const auto& clip = context.input<workflow::ClipValue>("clip");
  if (clip.clip == nullptr) {
    throw Error(ErrorCode::kValidation, "'" + clip.name + "' has no text encoder", "load one with CLIPLoader");
  }
  const auto tokenizer = context.models().tokenizer(clip.clip->config().vocabulary);
  const auto prompt = tokenizer->tokenize(context.text("text"));
  const Shape shape{prompt.chunks, static_cast<std::int64_t>(prompt.tokens.size()) / prompt.chunks};
  const auto tokens = context.live("text", Tensor::from<std::int32_t>(shape, prompt.tokens));
  const auto weights = context.live("text_weights", Tensor::from<float>(shape, prompt.weights));
  context.set_output(
      0, workflow::ConditioningValue{
             models::trace_weighted_prompt(context.builder(), *clip.clip, tokens, weights, clip.stop_at_layer), {}});
}

}  // namespace comfystream::nodes
