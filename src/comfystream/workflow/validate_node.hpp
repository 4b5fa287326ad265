// SPDX-License-Identifier: Apache-2.0
// What one node can be found guilty of, without a look at the others' own inputs.
#pragma once

#include "comfystream/workflow/registry.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace comfystream::workflow {

/// The nodes of a workflow by id. Borrows the workflow, whose list of nodes must not change.
class NodeIndex {
 public:
  explicit NodeIndex(Workflow& workflow);
  [[nodiscard]] WorkflowNode* find(std::string_view id) const;

 private:
  std::unordered_map<std::string_view, WorkflowNode*> nodes_;
};

/// Which link led to a node first: ComfyUI reports a broken link in the words of the node that asked for it.
struct AskedBy {
  const WorkflowNode* node = nullptr;  ///< null for an output, which nobody asks for
  const InputSpec* input = nullptr;    ///< null where the asking class is unknown
};

struct ValidationScope {
  const NodeRegistry& registry;
  const ModelFolders& folders;
  const NodeIndex& nodes;
};

/// Every error of the node's own inputs, in the order of its class: {type, message, details, extra_info}. Literals are
/// coerced in place.
[[nodiscard]] std::vector<Json> check_node(WorkflowNode& node, const NodeSpec& spec, const AskedBy& asked,
                                           const ValidationScope& scope);

/// The links that validation follows from a node: those of its class's inputs (of all inputs, where the class is
/// unknown) that lead to a node.
struct FollowedLink {
  const InputSpec* input = nullptr;
  WorkflowNode* node = nullptr;
};
[[nodiscard]] std::vector<FollowedLink> followed_links(const WorkflowNode& node, const NodeType* type,
                                                       const NodeIndex& nodes);

/// {"type", "message", "details", "extra_info"}
[[nodiscard]] Json validation_error(std::string type, std::string message, std::string details, Json extra_info);

}  // namespace comfystream::workflow
