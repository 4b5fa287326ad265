// SPDX-License-Identifier: Apache-2.0
// A workflow as ComfyUI's API format has it: nodes by id, each with a class and inputs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace comfystream::workflow {

/// Objects keep the order of the file.
using Json = nlohmann::ordered_json;

/// An input that takes another node's output.
struct Link {
  std::string node;
  std::int64_t output = 0;
  bool operator==(const Link&) const = default;
};

/// The link that `value` is: a list of a node id and an output's number. Nothing for any other value.
[[nodiscard]] std::optional<Link> as_link(const Json& value);

struct WorkflowNode {
  std::string id;
  std::string class_type;
  std::string title;  ///< _meta.title; empty where the file has none
  Json inputs = Json::object();

  /// "KSampler #7", or "KSampler #7 (my title)" where the title says more than the class.
  [[nodiscard]] std::string label() const;
};

/// Plain data; const access is safe from any thread.
struct Workflow {
  std::string origin;               ///< the file it came from, for messages
  std::vector<WorkflowNode> nodes;  ///< in the file's order; ids are unique

  [[nodiscard]] const WorkflowNode* find(std::string_view id) const noexcept;
  [[nodiscard]] WorkflowNode* find(std::string_view id) noexcept;
  /// The API format again.
  [[nodiscard]] Json to_json() const;
};

/// Reads the API format, bare or wrapped as {"prompt": {...}}. Throws Error(kInvalidArgument) with line and column for
/// text that is no JSON, and with ComfyUI's words for nodes without a class_type ("missing the class_type property",
/// "Node ID '#n'"). A file in the editor's own format (nodes, links, widgets_values) is told apart and gets the way to
/// export the API format. Values wrapped as {"__value__": x} are unwrapped.
[[nodiscard]] Workflow parse_workflow(std::string_view text, std::string origin);
[[nodiscard]] Workflow parse_workflow(const Json& json, std::string origin);
/// Error(kNotFound) or Error(kIo) with the path.
[[nodiscard]] Workflow load_workflow(const std::filesystem::path& path);

/// Sets an input by "NODE.INPUT=VALUE", as --set takes it. NODE is an id, or the title or class of a node that is the
/// only one with it. VALUE is JSON, else text; where the input holds text already, anything but a quoted string is
/// text. Error(kInvalidArgument) names what is there when the node or the form is wrong. What VALUE may be is
/// validate()'s business; see check_input_exists() for the names of inputs, which validation does not look at.
void set_input(Workflow& workflow, std::string_view assignment);

}  // namespace comfystream::workflow
