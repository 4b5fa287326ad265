// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/workflow.hpp"

#include "comfystream/error.hpp"
#include "comfystream/workflow/json_text.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>

namespace comfystream::workflow {
namespace {

constexpr std::size_t kLargestFile = std::size_t{64} << 20U;

[[noreturn]] void refuse(const std::string& origin, const std::string& what, const std::string& hint = {}) {
  throw Error(ErrorCode::kInvalidArgument, origin + ": " + what, hint);
}

/// Letters and digits in lower case: "Load Image" and "LoadImage" say the same.
std::string essence(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte) != 0) result += static_cast<char>(std::tolower(byte));
  }
  return result;
}

bool is_editor_format(const Json& json) {
  return json.contains("nodes") && json["nodes"].is_array() &&
         (json.contains("links") || json.contains("last_node_id") || json.contains("version"));
}

const Json& unwrapped(const Json& json) {
  const auto prompt = json.find("prompt");
  const bool wrapped = prompt != json.end() && prompt->is_object() && !prompt->contains("class_type");
  return wrapped ? *prompt : json;
}

/// {"__value__": x} is x. A list stays wrapped: bare, it would read as a link.
void unwrap_values(Json& inputs) {
  for (auto& [name, value] : inputs.items()) {
    while (value.is_object()) {
      const auto inner = value.find("__value__");
      if (inner == value.end() || inner->is_array()) break;
      Json plain = *inner;
      value = std::move(plain);
    }
  }
}

WorkflowNode parse_node(const std::string& id, const Json& json, const std::string& origin) {
  if (!json.is_object()) {
    refuse(origin, "node '" + id + "' is " + std::string(json.type_name()) + ", not an object",
           "a workflow in the API format is {\"id\": {\"class_type\": ..., \"inputs\": {...}}, ...}");
  }
  WorkflowNode node;
  node.id = id;
  const auto class_type = json.find("class_type");
  if (class_type == json.end() || !class_type->is_string()) {
    refuse(origin, "Cannot execute because a node is missing the class_type property. Node ID '#" + id + "'",
           "export the workflow from ComfyUI with Workflow > Export (API)");
  }
  node.class_type = class_type->get<std::string>();
  const auto meta = json.find("_meta");
  if (meta != json.end() && meta->is_object()) {
    const auto title = meta->find("title");
    if (title != meta->end() && title->is_string()) node.title = title->get<std::string>();
  }
  const auto inputs = json.find("inputs");
  if (inputs == json.end()) return node;
  if (!inputs->is_object()) {
    refuse(origin, "the inputs of node '" + id + "' (" + node.class_type + ") are " + std::string(inputs->type_name()) +
                       ", not an object");
  }
  node.inputs = *inputs;
  unwrap_values(node.inputs);
  return node;
}

}  // namespace

std::optional<Link> as_link(const Json& value) {
  if (!value.is_array() || value.size() != 2 || !value[0].is_string() || !value[1].is_number_integer()) return {};
  if (value[1].is_number_unsigned() && value[1].get<std::uint64_t>() > INT64_MAX) return {};
  return Link{value[0].get<std::string>(), value[1].get<std::int64_t>()};
}

std::string WorkflowNode::label() const {
  std::string text = class_type + " #" + id;
  if (essence(title) != essence(class_type) && !title.empty()) text += " (" + title + ")";
  return text;
}

const WorkflowNode* Workflow::find(std::string_view id) const noexcept {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const WorkflowNode& node) { return node.id == id; });
  return found == nodes.end() ? nullptr : &*found;
}

WorkflowNode* Workflow::find(std::string_view id) noexcept {
  return const_cast<WorkflowNode*>(std::as_const(*this).find(id));
}

Json Workflow::to_json() const {
  Json result = Json::object();
  for (const WorkflowNode& node : nodes) {
    Json& entry = result[node.id];
    entry["inputs"] = node.inputs;
    entry["class_type"] = node.class_type;
    if (!node.title.empty()) entry["_meta"] = {{"title", node.title}};
  }
  return result;
}

Workflow parse_workflow(const Json& json, std::string origin) {
  if (!json.is_object()) {
    refuse(origin, std::string("a workflow is a JSON object of nodes, this is ") + json.type_name(),
           "export it from ComfyUI with Workflow > Export (API)");
  }
  const Json& nodes = unwrapped(json);
  if (is_editor_format(nodes)) {
    refuse(origin,
           "this is a workflow in the format of ComfyUI's editor (nodes, links, widgets_values), which only the "
           "editor can turn into something that runs",
           "open it in ComfyUI, choose Workflow > Export (API) (in older versions: Settings > Enable Dev mode Options, "
           "then Save (API Format)) and give the file that this writes");
  }
  Workflow workflow;
  for (const auto& [id, node] : nodes.items()) workflow.nodes.push_back(parse_node(id, node, origin));
  if (workflow.nodes.empty()) refuse(origin, "the workflow has no nodes");
  workflow.origin = std::move(origin);
  return workflow;
}

Workflow parse_workflow(std::string_view text, std::string origin) {
  const Json json = parse_json(text, origin);
  return parse_workflow(json, std::move(origin));
}

Workflow load_workflow(const std::filesystem::path& path) {
  std::error_code problem;
  const std::string name = path.string();
  if (!std::filesystem::exists(path, problem)) {
    throw Error(ErrorCode::kNotFound, name + ": no such file", "check the path of the workflow");
  }
  if (std::filesystem::is_directory(path, problem)) {
    throw Error(ErrorCode::kInvalidArgument, name + " is a folder, not a workflow", "give the path of a .json file");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::kIo, name + " cannot be read", "check its permissions");
  const std::uintmax_t size = std::filesystem::file_size(path, problem);
  if (!problem && size > kLargestFile) refuse(name, "far too large for a workflow (over 64 MB)");
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) throw Error(ErrorCode::kIo, name + ": reading failed");
  return parse_workflow(std::string_view(text.str()), name);
}

}  // namespace comfystream::workflow
