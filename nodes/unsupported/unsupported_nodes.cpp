// SPDX-License-Identifier: Apache-2.0
#include "nodes/unsupported/unsupported_nodes.hpp"

#include "comfystream/error.hpp"

#include <string>
#include <utility>

namespace comfystream::nodes {
namespace {

using workflow::NodeSpec;

NodeSpec sound_node(const char* class_type, const char* category, const char* module) {
  NodeSpec spec;
  spec.class_type = class_type;
  spec.category = category;
  spec.python_module = module;
  spec.unsupported =
      "sound and text are not processed here, only video (a file's sound is passed through as it is); take this node "
      "out of the workflow";
  return spec;
}

NodeSpec load_audio_tensor() {
  NodeSpec spec = sound_node("LoadAudioTensor", "ComfyStream/Loaders", "custom_nodes.comfystream");
  // Milliseconds, without bounds.
  workflow::InputSpec buffer = workflow::float_input("buffer_size", 500.0, 0.0, 0.0, 0.0);
  buffer.min = buffer.max = buffer.step = nullptr;
  spec.inputs = {std::move(buffer), workflow::optional(workflow::float_input("timeout_seconds", 1.0, 0.1, 30.0, 0.1))};
  spec.outputs = {{"AUDIO", "audio"}};
  return spec;
}

NodeSpec save_audio_tensor() {
  NodeSpec spec = sound_node("SaveAudioTensor", "audio_utils", "custom_nodes.comfystream");
  spec.inputs = {workflow::socket_input("audio", "AUDIO")};
  spec.output_node = true;
  return spec;
}

NodeSpec pitch_shifter() {
  NodeSpec spec = sound_node("PitchShifter", "audio_utils", "custom_nodes.comfystream");
  spec.inputs = {workflow::socket_input("audio", "AUDIO"), workflow::float_input("pitch_shift", 4.0, 0.0, 12.0, 0.5)};
  spec.outputs = {{"AUDIO", ""}};
  return spec;
}

NodeSpec save_text_tensor() {
  NodeSpec spec = sound_node("SaveTextTensor", "text_utils", "custom_nodes.comfystream");
  spec.inputs = {workflow::string_input("data", ""),
                 workflow::optional(workflow::bool_input("remove_linebreaks", true))};
  spec.output_node = true;
  return spec;
}

NodeSpec audio_transcription() {
  NodeSpec spec = sound_node("AudioTranscriptionNode", "audio_utils", "custom_nodes.ComfyUI-Stream-Pack");
  spec.inputs = {
      workflow::socket_input("audio", "AUDIO"),
      workflow::float_input("transcription_interval", 2.0, 1.0, 10.0, 0.5),
      workflow::float_input("accumulation_duration", 3.0, 2.0, 10.0, 0.5),
      workflow::combo_input("whisper_model", {"tiny", "base", "small", "medium", "large-v2"}, "base"),
      workflow::combo_input("language", {"auto", "en", "es", "fr", "de", "it", "pt", "ru", "ja", "ko", "zh"}, "auto"),
      workflow::bool_input("enable_vad", true),
      workflow::optional(
          workflow::combo_input("output_format", {"text", "json_segments", "json_words"}, "json_segments"))};
  spec.outputs = {{"STRING", ""}};
  return spec;
}

NodeSpec srt_generator() {
  NodeSpec spec = sound_node("SRTGeneratorNode", "text_utils", "custom_nodes.ComfyUI-Stream-Pack");
  spec.inputs = {workflow::string_input("transcription_data", ""),
                 workflow::float_input("segment_start_time", 0.0, 0.0, 86400.0, 0.001),
                 workflow::float_input("segment_duration", 3.0, 0.1, 60.0, 0.1),
                 workflow::bool_input("use_absolute_time", false),
                 workflow::float_input("minimum_duration", 1.0, 0.1, 10.0, 0.1)};
  spec.outputs = {{"STRING", "srt_content"}};
  return spec;
}

}  // namespace

void UnsupportedNode::trace(workflow::NodeContext& /*context*/) const {
  throw Error(ErrorCode::kUnsupported, spec().unsupported);
}

std::vector<NodeSpec> unsupported_specs() {
  return {load_audio_tensor(), save_audio_tensor(),   pitch_shifter(),
          save_text_tensor(),  audio_transcription(), srt_generator()};
}

}  // namespace comfystream::nodes
