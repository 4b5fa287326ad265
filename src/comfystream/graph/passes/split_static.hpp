// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/graph/graph.hpp"

#include <span>
#include <string>
#include <vector>

namespace comfystream::graph {

/// A graph cut into what no frame influences and what runs for every batch.
struct SplitGraph {
  /// Depends on parameters and constants alone; runs when a parameter it reads changes. No inputs. Where one of its
  /// outputs has a row per slot (a leading N) run it at the largest batch: the frame graph uses the first rows.
  Graph setup;
  /// Runs per batch. Reads the setup's outputs as parameters of the same names, zero until they are set.
  Graph frame;
  /// Names of the values that cross, in the setup's output order ("static:%<id>").
  std::vector<std::string> crossing;
};

/// Moves every node that depends on no input into the setup graph: the text encoder, the products of prompt embeddings
/// inside cross-attention, timestep embeddings and, where a workflow starts from fixed noise, the UNet's encoder.
/// Constants and ops that merely re-lay constants (cast, reshape, transpose, slice, concat, expand) are kept beside
/// their users, so that backends see weights as weights; parameters used by the frame graph directly stay its
/// parameters. A value is moved only when the cut pays: something other than re-laid constants was computed, and
/// repeating it for every frame (expand) is left to the frame graph. Each graph has the parameters it reads, in the
/// order of `graph`; one that nothing reads is in neither. A loop is one node. What moves rows between slots ([2N,
/// ...]) stays in the frame graph. The frame graph computes exactly what `graph` does.
/// Parameters named in `moving` change with the frames: what depends on one stays in the frame graph.
[[nodiscard]] SplitGraph split_static(const Graph& graph, std::span<const std::string> moving = {});

}  // namespace comfystream::graph
