// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/cycles.hpp"

#include <algorithm>
#include <cstdint>

namespace comfystream::workflow {
namespace {

/// Depth first, with a list for a stack: a chain may be as long as the graph is large. An edge back to a vertex on the
/// path closes a cycle.
class CycleSearch {
 public:
  CycleSearch(const std::vector<std::vector<std::size_t>>& targets,
              const std::function<void(std::span<const std::size_t>)>& found)
      : targets_(targets), found_(found), states_(targets.size(), State::kNew) {}

  void run() {
    for (std::size_t vertex = 0; vertex < targets_.size(); ++vertex) {
      if (states_[vertex] != State::kNew) continue;
      open(vertex);
      while (!path_.empty()) advance();
    }
  }

 private:
  enum class State : std::uint8_t { kNew, kOnPath, kDone };
  struct Step {
    std::size_t vertex;
    std::size_t next_edge = 0;
  };

  void open(std::size_t vertex) {
    states_[vertex] = State::kOnPath;
    path_.push_back({vertex});
  }

  void advance() {
    Step& step = path_.back();
    const auto& edges = targets_[step.vertex];
    if (step.next_edge == edges.size()) {
      states_[step.vertex] = State::kDone;
      path_.pop_back();
      return;
    }
    const std::size_t target = edges[step.next_edge++];
    if (states_[target] == State::kNew) {
      open(target);
    } else if (states_[target] == State::kOnPath) {
      close(target);
    }
  }

  void close(std::size_t vertex) {
    const auto first =
        std::find_if(path_.begin(), path_.end(), [&](const Step& step) { return step.vertex == vertex; });
    cycle_.clear();
    for (auto step = first; step != path_.end(); ++step) cycle_.push_back(step->vertex);
    found_(cycle_);
  }

  const std::vector<std::vector<std::size_t>>& targets_;
  const std::function<void(std::span<const std::size_t>)>& found_;
  std::vector<State> states_;
  std::vector<Step> path_;
  std::vector<std::size_t> cycle_;
};

}  // namespace

void find_cycles(const std::vector<std::vector<std::size_t>>& targets,
                 const std::function<void(std::span<const std::size_t> cycle)>& found) {
  CycleSearch(targets, found).run();
}

}  // namespace comfystream::workflow
