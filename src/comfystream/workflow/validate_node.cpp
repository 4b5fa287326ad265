// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/validate_node.hpp"

#include "comfystream/workflow/coerce.hpp"
#include "comfystream/workflow/missing_file.hpp"
#include "comfystream/workflow/python_text.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace comfystream::workflow {
namespace {

constexpr std::size_t kLongestShownList = 20;

/// "image.png [input]", as ComfyUI's interface names pictures outside their folder.
std::string without_annotation(const std::string& name) {
  constexpr std::string_view kInput = " [input]";
  return name.ends_with(kInput) ? name.substr(0, name.size() - kInput.size()) : name;
}

/// Types may be lists, "IMAGE,MASK", and "*" is any.
bool types_meet(const std::string& received, const std::string& wanted) {
  const auto parts = [](std::string_view types) {
    std::vector<std::string_view> result;
    while (!types.empty()) {
      const std::size_t comma = std::min(types.find(','), types.size());
      result.push_back(types.substr(0, comma));
      types.remove_prefix(std::min(comma + 1, types.size()));
    }
    return result;
  };
  const auto offered = parts(received);
  const auto accepted = parts(wanted);
  const auto any = [](const std::vector<std::string_view>& types) {
    return std::find(types.begin(), types.end(), "*") != types.end();
  };
  return any(offered) || any(accepted) ||
         std::find_first_of(offered.begin(), offered.end(), accepted.begin(), accepted.end()) != offered.end();
}

/// A link that Python would stumble over: what it raises, and what that means.
struct BrokenLink {
  std::string exception_type;
  std::string words;
  std::string meaning;
};

class NodeCheck {
 public:
  NodeCheck(WorkflowNode& node, const NodeSpec& spec, const AskedBy& asked, const ValidationScope& scope)
      : node_(node), spec_(spec), asked_(asked), scope_(scope) {}

  std::vector<Json> run() {
    for (const InputSpec& input : spec_.inputs) {
      const auto value = node_.inputs.find(input.name);
      if (value == node_.inputs.end()) {
        if (input.required) missing(input);
      } else if (value->is_array()) {
        check_link(input, *value);
      } else {
        check_literal(input, *value);
      }
    }
    return std::move(errors_);
  }

 private:
  void add(const char* type, std::string message, std::string details, Json extra_info) {
    errors_.push_back(validation_error(type, std::move(message), std::move(details), std::move(extra_info)));
  }

  [[nodiscard]] Json about(const InputSpec& input) const {
    return {{"input_name", input.name}, {"input_config", input_config(input, scope_.folders)}};
  }
  [[nodiscard]] Json about(const InputSpec& input, const Json& value) const {
    Json extra = about(input);
    extra["received_value"] = value;
    return extra;
  }

  void missing(const InputSpec& input) {
    add("required_input_missing", "Required input is missing", input.name, {{"input_name", input.name}});
  }

  void bad_link(const InputSpec& input, const Json& value) {
    add("bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]", input.name,
        about(input, value));
  }

  void check_link(const InputSpec& input, const Json& value) {
    if (value.size() != 2) return bad_link(input, value);
    if (auto broken = find_break(input, value)) return broken_link(input, value, *broken);
    const WorkflowNode& source = *scope_.nodes.find(value[0].get_ref<const std::string&>());
    const NodeType* type = scope_.registry.find(source.class_type);
    if (type == nullptr) return;  // told once, for the node itself
    const std::string& received = type->spec().outputs[value[1].get<std::size_t>()].type;
    if (types_meet(received, input.type)) return;
    const Json wanted = input_config(input, scope_.folders)[0];
    Json extra = about(input);
    extra["received_type"] = received;
    extra["linked_node"] = value;
    add("return_type_mismatch", "Return type mismatch between linked nodes",
        input.name + ", received_type(" + received + ") mismatch input_type(" + python_str(wanted) + ")",
        std::move(extra));
  }

  [[nodiscard]] std::optional<BrokenLink> find_break(const InputSpec& input, const Json& value) const {
    const std::string who = "input '" + input.name + "' is linked to ";
    if (value[0].is_array() || value[0].is_object()) {
      return BrokenLink{"TypeError", "unhashable type: '" + python_type_name(value[0]) + "'",
                        who + "something that is no node's id"};
    }
    const WorkflowNode* source =
        value[0].is_string() ? scope_.nodes.find(value[0].get_ref<const std::string&>()) : nullptr;
    if (source == nullptr) {
      return BrokenLink{"KeyError", python_repr(value[0]),
                        who + "node " + python_repr(value[0]) + ", which the workflow does not have"};
    }
    const NodeType* type = scope_.registry.find(source->class_type);
    if (!value[1].is_number_integer()) {
      return BrokenLink{"TypeError", "tuple indices must be integers or slices, not " + python_type_name(value[1]),
                        who + "output " + python_repr(value[1]) + " of " + source->label()};
    }
    if (type == nullptr) return std::nullopt;
    const std::size_t outputs = type->spec().outputs.size();
    if (!number_less(value[1], 0) && number_less(value[1], outputs)) return std::nullopt;
    return BrokenLink{
        "IndexError", "tuple index out of range",
        who + "output " + python_repr(value[1]) + " of " + source->label() + ", which has " + std::to_string(outputs)};
  }

  /// ComfyUI's validation raises here; what it reports depends on who asked for this node.
  void broken_link(const InputSpec& /*input*/, const Json& value, const BrokenLink& broken) {
    Json extra = Json::object();
    const bool inner = asked_.node != nullptr;
    if (inner && asked_.input != nullptr) extra = about(*asked_.input);
    if (inner) extra["exception_message"] = broken.words;
    extra["exception_type"] = broken.exception_type;
    extra["traceback"] = Json::array();
    extra["linked_node"] = value;
    extra["hint"] = broken.meaning;
    add(inner ? "exception_during_inner_validation" : "exception_during_validation",
        inner ? "Exception when validating inner node" : "Exception when validating node", broken.words,
        std::move(extra));
  }

  /// `stored` changes only to a value that is right: what was wrong once stays wrong in the same way.
  void check_literal(const InputSpec& input, Json& stored) {
    const bool wrapped = stored.is_object() && stored.contains("__value__");
    const Json value = wrapped ? stored["__value__"] : stored;
    if (input.kind == InputKind::kSocket) {
      // ComfyUI lets any value pass here and fails when the node runs.
      if (input.required || !value.is_null()) bad_link(input, value);
      return;
    }
    const Coerced coerced = coerce(value, input.kind);
    if (!coerced.problem.empty()) return not_converted(input, value, coerced.problem);
    const bool right = input.kind == InputKind::kCombo ? check_choice(input, value) : check_bounds(input, coerced);
    if (right) stored = coerced.value;
  }

  void not_converted(const InputSpec& input, const Json& value, const std::string& problem) {
    Json extra = about(input, value);
    extra["exception_message"] = problem;
    add("invalid_input_type", "Failed to convert an input value to a " + input.type + " value",
        input.name + ", " + python_str(value) + ", " + problem, std::move(extra));
  }

  bool check_bounds(const InputSpec& input, const Coerced& value) {
    if (!input.min.is_null() && number_less(value.value, input.min)) {
      add("value_smaller_than_min", "Value " + value.text + " smaller than min of " + python_str(input.min), input.name,
          about(input, value.value));
      return false;
    }
    if (!input.max.is_null() && number_less(input.max, value.value)) {
      add("value_bigger_than_max", "Value " + value.text + " bigger than max of " + python_str(input.max), input.name,
          about(input, value.value));
      return false;
    }
    return true;
  }

  bool check_choice(const InputSpec& input, const Json& value) {
    const std::vector<std::string> choices = choices_of(input, scope_.folders);
    const auto contains = [&](const std::string& name) {
      return std::find(choices.begin(), choices.end(), name) != choices.end();
    };
    if (input.folder == "input") return check_picture(input, value, contains(without_annotation(python_str(value))));
    if (value.is_string() && contains(value.get<std::string>())) return true;
    const bool is_long = choices.size() > kLongestShownList;
    const std::string list =
        is_long ? "(list of length " + std::to_string(choices.size()) + ")" : python_repr(Json(choices));
    Json extra = about(input, value);
    if (is_long) extra["input_config"] = nullptr;
    if (!input.folder.empty()) extra["hint"] = missing_file_hint(scope_.folders, input.folder, python_str(value));
    add("value_not_in_list", "Value not in list", input.name + ": '" + python_str(value) + "' not in " + list,
        std::move(extra));
    return false;
  }

  /// LoadImage's own check of its file.
  bool check_picture(const InputSpec& input, const Json& value, bool exists) {
    if (exists && value.is_string()) return true;
    add("custom_validation_failed", "Custom validation failed for node",
        input.name + " - Invalid image file: " + python_str(value),
        {{"input_name", input.name}, {"hint", missing_file_hint(scope_.folders, input.folder, python_str(value))}});
    return false;
  }

  WorkflowNode& node_;
  const NodeSpec& spec_;
  const AskedBy& asked_;
  const ValidationScope& scope_;
  std::vector<Json> errors_;
};

}  // namespace

NodeIndex::NodeIndex(Workflow& workflow) {
  for (WorkflowNode& node : workflow.nodes) nodes_.emplace(node.id, &node);
}

WorkflowNode* NodeIndex::find(std::string_view id) const {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? nullptr : found->second;
}

std::vector<Json> check_node(WorkflowNode& node, const NodeSpec& spec, const AskedBy& asked,
                             const ValidationScope& scope) {
  return NodeCheck(node, spec, asked, scope).run();
}

std::vector<FollowedLink> followed_links(const WorkflowNode& node, const NodeType* type, const NodeIndex& nodes) {
  std::vector<FollowedLink> result;
  const auto follow = [&](const InputSpec* input, const Json& value) {
    const auto link = as_link(value);
    WorkflowNode* source = link ? nodes.find(link->node) : nullptr;
    if (source != nullptr) result.push_back({input, source});
  };
  if (type == nullptr) {
    for (const Json& value : node.inputs) follow(nullptr, value);
    return result;
  }
  for (const InputSpec& input : type->spec().inputs) {
    const auto value = node.inputs.find(input.name);
    if (value != node.inputs.end()) follow(&input, *value);
  }
  return result;
}

Json validation_error(std::string type, std::string message, std::string details, Json extra_info) {
  return {{"type", std::move(type)},
          {"message", std::move(message)},
          {"details", std::move(details)},
          {"extra_info", std::move(extra_info)}};
}

}  // namespace comfystream::workflow
