// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/node_spec.hpp"

#include <utility>

namespace comfystream::workflow {
namespace {

InputSpec widget(std::string name, InputKind kind, std::string type, Json default_value) {
  InputSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  spec.type = std::move(type);
  spec.default_value = std::move(default_value);
  return spec;
}

}  // namespace

InputSpec socket_input(std::string name, std::string type) {
  return widget(std::move(name), InputKind::kSocket, std::move(type), nullptr);
}

InputSpec int_input(std::string name, Json default_value, Json min, Json max, Json step) {
  InputSpec spec = widget(std::move(name), InputKind::kInt, "INT", std::move(default_value));
  spec.min = std::move(min);
  spec.max = std::move(max);
  spec.step = std::move(step);
  return spec;
}

InputSpec float_input(std::string name, double default_value, double min, double max, double step, Json round) {
  InputSpec spec = widget(std::move(name), InputKind::kFloat, "FLOAT", default_value);
  spec.min = min;
  spec.max = max;
  spec.step = step;
  spec.round = std::move(round);
  return spec;
}

InputSpec string_input(std::string name, std::string default_value, bool multiline) {
  InputSpec spec = widget(std::move(name), InputKind::kString, "STRING", std::move(default_value));
  spec.multiline = multiline;
  return spec;
}

InputSpec bool_input(std::string name, bool default_value) {
  return widget(std::move(name), InputKind::kBoolean, "BOOLEAN", default_value);
}

InputSpec combo_input(std::string name, std::vector<std::string> choices, Json default_value) {
  InputSpec spec = widget(std::move(name), InputKind::kCombo, "COMBO", std::move(default_value));
  spec.choices = std::move(choices);
  return spec;
}

InputSpec file_input(std::string name, std::string folder) {
  InputSpec spec = widget(std::move(name), InputKind::kCombo, "COMBO", nullptr);
  spec.folder = std::move(folder);
  return spec;
}

InputSpec optional(InputSpec input) {
  input.required = false;
  return input;
}

}  // namespace comfystream::workflow
