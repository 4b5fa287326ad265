// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/registry.hpp"

#include "comfystream/error.hpp"

#include <utility>

namespace comfystream::workflow {
namespace {

Json output_types(const NodeSpec& spec) {
  Json types = Json::array();
  for (const OutputSpec& output : spec.outputs) types.push_back(output.type);
  return types;
}

Json output_names(const NodeSpec& spec) {
  Json names = Json::array();
  for (const OutputSpec& output : spec.outputs) names.push_back(output.name.empty() ? output.type : output.name);
  return names;
}

/// [type] or [type, options]: ComfyUI leaves empty options out here, though not in its errors.
Json described(const InputSpec& input, const ModelFolders& folders) {
  Json config = input_config(input, folders);
  if (config[1].empty()) config.erase(1);
  return config;
}

}  // namespace

void NodeRegistry::add(std::unique_ptr<NodeType> type) {
  std::string name = type->spec().class_type;
  const auto [place, added] = types_.try_emplace(std::move(name), std::move(type));
  if (!added) throw Error(ErrorCode::kInternal, "the node class " + place->first + " is registered twice");
}

const NodeType* NodeRegistry::find(std::string_view class_type) const noexcept {
  const auto found = types_.find(class_type);
  return found == types_.end() ? nullptr : found->second.get();
}

std::vector<std::string> choices_of(const InputSpec& input, const ModelFolders& folders) {
  return input.folder.empty() ? input.choices : folders.list(input.folder);
}

Json input_config(const InputSpec& input, const ModelFolders& folders) {
  Json options = Json::object();
  const auto set = [&](const char* key, const Json& value) {
    if (!value.is_null()) options[key] = value;
  };
  set("default", input.default_value);
  set("min", input.min);
  set("max", input.max);
  set("step", input.step);
  set("round", input.round);
  if (input.multiline) options["multiline"] = true;
  if (input.folder == "input") options["image_upload"] = true;
  if (!input.tooltip.empty()) options["tooltip"] = input.tooltip;
  Json type = input.kind == InputKind::kCombo ? Json(choices_of(input, folders)) : Json(input.type);
  return Json::array({std::move(type), std::move(options)});
}

Json object_info(const NodeType& type, const ModelFolders& folders) {
  const NodeSpec& spec = type.spec();
  Json inputs = Json::object();
  Json order = Json::object();
  // ComfyUI has "required" first even where it is empty, and "optional" where there is any.
  inputs["required"] = Json::object();
  order["required"] = Json::array();
  for (const InputSpec& input : spec.inputs) {
    const char* category = input.required ? "required" : "optional";
    inputs[category][input.name] = described(input, folders);
    order[category].push_back(input.name);
  }
  Json info;
  info["input"] = std::move(inputs);
  info["input_order"] = std::move(order);
  info["output"] = output_types(spec);
  info["output_is_list"] = std::vector<bool>(spec.outputs.size(), false);
  info["output_name"] = output_names(spec);
  info["name"] = spec.class_type;
  info["display_name"] = spec.display_name.empty() ? spec.class_type : spec.display_name;
  info["description"] = spec.description;
  info["python_module"] = spec.python_module;
  info["category"] = spec.category;
  info["output_node"] = spec.output_node;
  return info;
}

Json object_info(const NodeRegistry& registry, const ModelFolders& folders) {
  Json info = Json::object();
  for (const auto& [name, type] : registry.types()) info[name] = object_info(*type, folders);
  return info;
}

}  // namespace comfystream::workflow
