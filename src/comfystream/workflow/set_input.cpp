// SPDX-License-Identifier: Apache-2.0
#include "comfystream/error.hpp"
#include "comfystream/workflow/json_text.hpp"
#include "comfystream/workflow/registry.hpp"

namespace comfystream::workflow {
namespace {

constexpr const char* kForm = "use NODE.INPUT=VALUE, for example 7.seed=42 or \"5.text=a red fox\"";

[[noreturn]] void refuse(std::string_view assignment, const std::string& what, const std::string& hint = kForm) {
  throw Error(ErrorCode::kInvalidArgument, "--set '" + std::string(assignment) + "': " + what, hint);
}

std::string known_nodes(const Workflow& workflow) {
  std::string text = "the workflow's nodes are";
  const char* separator = " ";
  for (const WorkflowNode& node : workflow.nodes) {
    text += separator + node.label();
    separator = ", ";
  }
  return text;
}

struct Assignment {
  std::string_view node;
  std::string_view input;
  std::string_view value;
};

Assignment split(std::string_view assignment) {
  if (!is_utf8(assignment)) throw Error(ErrorCode::kInvalidArgument, "--set takes UTF-8 text", kForm);
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) refuse(assignment, "there is no '='");
  const std::string_view key = assignment.substr(0, equals);
  // The last dot: ids and input names hold none, titles may.
  const std::size_t dot = key.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == key.size()) refuse(assignment, "there is no NODE.INPUT");
  return {key.substr(0, dot), key.substr(dot + 1), assignment.substr(equals + 1)};
}

/// The node with that id, else the only one with that class or title.
const WorkflowNode& node_for(const Workflow& workflow, std::string_view name, std::string_view assignment) {
  if (const WorkflowNode* node = workflow.find(name)) return *node;
  const WorkflowNode* match = nullptr;
  for (const WorkflowNode& node : workflow.nodes) {
    if (node.class_type != name && node.title != name) continue;
    if (match != nullptr) {
      refuse(assignment, "both " + match->label() + " and " + node.label() + " are called '" + std::string(name) + "'",
             "give the node's id instead");
    }
    match = &node;
  }
  if (match == nullptr) refuse(assignment, "there is no node '" + std::string(name) + "'", known_nodes(workflow));
  return *match;
}

/// VALUE as JSON, else as text. Where the input holds text, only a quoted string is read as JSON: 5.text=1e3 is the
/// text "1e3".
Json value_of(std::string_view text, const Json& current) {
  std::optional<Json> json = try_parse_json(text);
  if (!json || (current.is_string() && !json->is_string())) return Json(std::string(text));
  return *std::move(json);
}

}  // namespace

void set_input(Workflow& workflow, std::string_view assignment) {
  const Assignment parts = split(assignment);
  WorkflowNode& node = *workflow.find(node_for(workflow, parts.node, assignment).id);
  Json& input = node.inputs[std::string(parts.input)];
  input = value_of(parts.value, input);
}

void check_input_exists(const NodeRegistry& registry, const Workflow& workflow, std::string_view assignment) {
  const Assignment parts = split(assignment);
  const WorkflowNode& node = node_for(workflow, parts.node, assignment);
  const NodeType* type = registry.find(node.class_type);
  if (type == nullptr) return;
  std::string known;
  for (const InputSpec& input : type->spec().inputs) {
    if (input.name == parts.input) return;
    known += (known.empty() ? "" : ", ") + input.name;
  }
  refuse(assignment, node.label() + " has no input '" + std::string(parts.input) + "'",
         known.empty() ? "it has no inputs" : "it has " + known);
}

}  // namespace comfystream::workflow
