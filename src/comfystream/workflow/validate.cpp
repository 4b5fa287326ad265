// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/validate.hpp"

#include "comfystream/error.hpp"
#include "comfystream/workflow/convert.hpp"
#include "comfystream/workflow/cycles.hpp"
#include "comfystream/workflow/python_text.hpp"
#include "comfystream/workflow/validate_node.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>

namespace comfystream::workflow {
namespace {

/// A node that outputs need, and what is wrong with it.
struct Visited {
  WorkflowNode* node = nullptr;
  const NodeType* type = nullptr;
  std::vector<FollowedLink> links;
  std::vector<std::size_t> sources;  ///< the nodes that the links lead to
  Json dependent_outputs = Json::array();
  std::vector<Json> errors;
};

/// Works through lists instead of calling itself: workflows come from anywhere, and may be as deep as they are large.
class Validator {
 public:
  Validator(Workflow workflow, const NodeRegistry& registry, const ModelFolders& folders) : registry_(registry) {
    result_.workflow = std::move(workflow);
    nodes_.emplace(result_.workflow);
    scope_.emplace(ValidationScope{registry, folders, *nodes_});
  }

  Validation run() {
    find_unknown_classes();
    find_outputs();
    if (!unknown_.empty()) {
      result_.error = unknown_error();
    } else if (outputs_.empty()) {
      result_.error = validation_error("prompt_no_outputs", "Prompt has no outputs", "", Json::object());
    }
    visit_all();
    report_cycles();
    collect_errors();
    keep_good_outputs();
    return std::move(result_);
  }

 private:
  void find_unknown_classes() {
    for (const WorkflowNode& node : result_.workflow.nodes) {
      if (registry_.find(node.class_type) == nullptr) unknown_.push_back(&node);
    }
  }

  [[nodiscard]] Json unknown_error() const {
    const bool one = unknown_.size() == 1;
    std::set<std::string> classes;
    std::string ids;
    Json nodes = Json::array();
    for (const WorkflowNode* node : unknown_) {
      classes.insert(node->class_type);
      ids += (ids.empty() ? "Node ID '#" : ", Node ID '#") + node->id + "'";
      if (!one)
        ids += " (" + node->class_type + (node->title.empty() ? "" : ", titled " + python_repr(node->title)) + ")";
      nodes.push_back({{"node_id", node->id}, {"class_type", node->class_type}, {"node_title", node->title}});
    }
    std::string names;
    for (const std::string& name : classes) names += (names.empty() ? "" : ", ") + name;
    const bool single = classes.size() == 1;
    return validation_error("invalid_prompt",
                            std::string("Cannot execute because node") + (single ? " " : "s ") + names +
                                (single ? " does" : " do") + " not exist.",
                            ids, {{"nodes", std::move(nodes)}});
  }

  void find_outputs() {
    for (WorkflowNode& node : result_.workflow.nodes) {
      const NodeType* type = registry_.find(node.class_type);
      if (type != nullptr && type->spec().output_node) outputs_.push_back(&node);
    }
  }

  void visit(WorkflowNode& node, const AskedBy& asked) {
    if (!places_.try_emplace(&node, visited_.size()).second) return;
    Visited entry{&node, registry_.find(node.class_type), {}, {}, Json::array(), {}};
    entry.links = followed_links(node, entry.type, *nodes_);
    if (entry.type != nullptr) entry.errors = check_node(node, entry.type->spec(), asked, *scope_);
    visited_.push_back(std::move(entry));
  }

  void visit_all() {
    for (WorkflowNode* output : outputs_) visit(*output, {});
    for (std::size_t next = 0; next < visited_.size(); ++next) {
      WorkflowNode* node = visited_[next].node;
      for (const FollowedLink& link : std::vector<FollowedLink>(visited_[next].links)) {
        visit(*link.node, {node, link.input});
        visited_[next].sources.push_back(places_.at(link.node));
      }
    }
  }

  void report_cycles() {
    std::vector<std::vector<std::size_t>> targets;
    for (const Visited& entry : visited_) targets.push_back(entry.sources);
    find_cycles(targets, [this](std::span<const std::size_t> cycle) { add_cycle(cycle); });
  }

  static bool is_told(const Visited& entry) {
    return std::any_of(entry.errors.begin(), entry.errors.end(),
                       [](const Json& error) { return error["type"] == "dependency_cycle"; });
  }

  /// Of a cycle longer than any that a person made, the beginning.
  void add_cycle(std::span<const std::size_t> cycle) {
    constexpr std::size_t kMostShown = 40;
    const bool all = std::all_of(cycle.begin(), cycle.end(), [&](std::size_t at) { return is_told(visited_[at]); });
    if (all) return;
    Json ids = Json::array();
    std::string words;
    for (const std::size_t place : cycle.first(std::min(cycle.size(), kMostShown))) {
      const WorkflowNode& node = *visited_[place].node;
      ids.push_back(node.id);
      words += node.id + " (" + node.class_type + ") -> ";
    }
    if (cycle.size() > kMostShown) words += "... -> ";
    words += visited_[cycle.front()].node->id + " (" + visited_[cycle.front()].node->class_type + ")";
    for (const std::size_t place : cycle) {
      Visited& entry = visited_[place];
      if (is_told(entry)) continue;
      entry.errors.push_back(validation_error("dependency_cycle", "Dependency cycle detected", words,
                                              {{"node_id", entry.node->id}, {"cycle_nodes", ids}}));
    }
  }

  /// Tells everything that an output needs which output that is.
  void blame(const WorkflowNode* output, std::vector<const WorkflowNode*>& last_output) {
    std::vector<std::size_t> pending{places_.at(output)};
    last_output[pending.back()] = output;
    while (!pending.empty()) {
      Visited& entry = visited_[pending.back()];
      pending.pop_back();
      if (entry.type == nullptr || !entry.errors.empty()) bad_outputs_.insert(output);
      if (!entry.errors.empty()) entry.dependent_outputs.push_back(output->id);
      for (const std::size_t source : entry.sources) {
        if (std::exchange(last_output[source], output) != output) pending.push_back(source);
      }
    }
  }

  void collect_errors() {
    std::vector<const WorkflowNode*> last_output(visited_.size(), nullptr);
    for (const WorkflowNode* output : outputs_) blame(output, last_output);
    for (Visited& entry : visited_) {
      if (entry.errors.empty()) continue;
      result_.node_errors[entry.node->id] = {{"errors", Json(entry.errors)},
                                             {"dependent_outputs", std::move(entry.dependent_outputs)},
                                             {"class_type", entry.node->class_type}};
    }
  }

  void keep_good_outputs() {
    std::string details;
    for (const WorkflowNode* output : outputs_) {
      if (!bad_outputs_.contains(output)) result_.outputs.push_back(output->id);
      for (const Json& error : visited_[places_.at(output)].errors) {
        details += (details.empty() ? "" : "\n") + error["message"].get<std::string>() + ": " +
                   error["details"].get<std::string>();
      }
    }
    if (!unknown_.empty()) result_.outputs.clear();
    result_.valid = result_.error.is_null() && !result_.outputs.empty();
    if (result_.valid || !result_.error.is_null()) return;
    result_.error = validation_error("prompt_outputs_failed_validation", "Prompt outputs failed validation",
                                     std::move(details), Json::object());
  }

  const NodeRegistry& registry_;
  Validation result_;
  std::optional<NodeIndex> nodes_;
  std::optional<ValidationScope> scope_;
  std::vector<const WorkflowNode*> unknown_;
  std::vector<WorkflowNode*> outputs_;
  std::vector<Visited> visited_;
  std::map<const WorkflowNode*, std::size_t> places_;
  std::set<const WorkflowNode*> bad_outputs_;
};

std::string line_of(const WorkflowNode& node, const Json& error) {
  const Json& extra = error["extra_info"];
  std::string line = node.label() + ": " + error["message"].get<std::string>();
  const std::string details = error["details"].get<std::string>();
  if (!details.empty()) line += ": " + details;
  const bool shown = error["type"] == "value_not_in_list" || error["type"] == "invalid_input_type";
  if (!shown && extra.contains("received_value")) line += " (given " + python_repr(extra["received_value"]) + ")";
  if (extra.contains("hint")) line += "\n    " + extra["hint"].get<std::string>();
  return line;
}

}  // namespace

std::string Validation::to_text() const {
  std::string text;
  const auto add = [&](const std::string& line) { text += (text.empty() ? "" : "\n") + line; };
  const bool only_sums_up = !error.is_null() && error["type"] == "prompt_outputs_failed_validation";
  if (!error.is_null() && !only_sums_up) {
    const std::string details = error["details"].get<std::string>();
    add(error["message"].get<std::string>() + (details.empty() ? "" : " " + details));
  }
  for (const auto& [id, found] : node_errors.items()) {
    const WorkflowNode* node = workflow.find(id);
    if (node == nullptr) continue;
    for (const Json& problem : found["errors"]) add(line_of(*node, problem));
  }
  return text;
}

Validation validate(const Workflow& workflow, const NodeRegistry& registry, const ModelFolders& folders) {
  return Validator(workflow, registry, folders).run();
}

Validation validate_live(Workflow workflow, const NodeRegistry& registry, const ModelFolders& folders) {
  const bool all_known = std::all_of(workflow.nodes.begin(), workflow.nodes.end(), [&](const WorkflowNode& node) {
    return registry.find(node.class_type) != nullptr;
  });
  if (all_known) return validate(convert_prompt(std::move(workflow)), registry, folders);
  try {
    return validate(convert_prompt(workflow), registry, folders);
  } catch (const Error&) {
    return validate(workflow, registry, folders);
  }
}

Validation valid_or_throw(Validation validation) {
  if (validation.valid) return validation;
  const std::string& origin = validation.workflow.origin;
  throw Error(ErrorCode::kValidation,
              (origin.empty() ? "the workflow" : origin) + " does not validate:\n" + validation.to_text());
}

Validation validate_or_throw(const Workflow& workflow, const NodeRegistry& registry, const ModelFolders& folders) {
  return valid_or_throw(validate(workflow, registry, folders));
}

}  // namespace comfystream::workflow
