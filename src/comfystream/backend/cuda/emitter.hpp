// SPDX-License-Identifier: Apache-2.0
// Makes a graph at one batch size into steps: chooses where each value lives, in which layout, and which kernel makes
// it. Needs no device.
#pragma once

#include "comfystream/backend/cuda/fusion.hpp"
#include "comfystream/backend/cuda/kernels.hpp"
#include "comfystream/backend/cuda/pointwise_source.hpp"
#include "comfystream/backend/cuda/program.hpp"
#include "comfystream/backend/cuda/weights.hpp"
#include "comfystream/graph/graph.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace comfystream::backend::cuda {

/// A graph as all its batch sizes see it.
struct PlannedGraph {
  graph::Graph graph;  ///< without loops
  DType precision = DType::kF16;
  std::vector<DType> storage;
  Fusion fusion;
  std::vector<bool> is_static;  ///< by node: parameters and constants alone decide it, and N does not shape it
  std::vector<bool> crosses;    ///< static values that the part for frames reads
};
/// precision, split_static: see CudaOptions. Without the latter nothing is static.
[[nodiscard]] PlannedGraph plan_graph(const graph::Graph& graph, DType precision, bool split_static,
                                      const FusionOptions& options = {});

/// The static part: its program, and where its values are.
struct StaticProgram {
  Program program;
  std::vector<std::optional<View>> views;
  std::vector<bool> kept;  ///< by buffer: read after the program is over
};
[[nodiscard]] StaticProgram emit_static(const PlannedGraph& planned, WeightStore& weights);
/// The part for frames, for batches of `batch_size`: a program that begins with the static program's buffers.
[[nodiscard]] Program emit_frames(const PlannedGraph& planned, const StaticProgram& fixed, WeightStore& weights,
                                  std::int64_t batch_size);

/// The state of an emission and what the families of operations (emit_*.cpp) share.
class Emitter {
 public:
  Emitter(const PlannedGraph& planned, WeightStore& weights, std::int64_t batch_size, bool static_part);

  void emit_all();

  [[nodiscard]] const graph::Graph& graph() const noexcept { return planned_.graph; }
  [[nodiscard]] const graph::Node& node(graph::Value v) const { return planned_.graph.node(v); }
  [[nodiscard]] const Fusion& fusion() const noexcept { return planned_.fusion; }
  [[nodiscard]] Role role(graph::Value v) const { return planned_.fusion.roles[v.id]; }
  [[nodiscard]] DType storage(graph::Value v) const { return planned_.storage[v.id]; }
  [[nodiscard]] Dims dims(graph::Value v) const { return node(v).type.shape.at(batch_size_).dims(); }
  [[nodiscard]] std::int64_t batch_size() const noexcept { return batch_size_; }
  /// What networks compute on: f16 or bf16.
  [[nodiscard]] DType precision() const noexcept { return planned_.precision; }

  /// Where a value is; constants and parameters are placed on first use.
  View view(graph::Value v);
  void define(graph::Value v, View view) { views[v.id] = std::move(view); }
  /// Memory for a value that a kernel writes in any layout: the graph's output itself where it is one, else dense with
  /// the axes in `order`.
  View result(graph::Value v, const std::vector<std::size_t>& order);
  /// Where in a join of channels the value is to be written: its part of the joined tensor, [N, C, H, W] with adjacent
  /// channels and the distances of the whole. nullopt where it has memory of its own. Asked for by who then writes it.
  std::optional<View> part_of_join(graph::Value v);
  /// A join whose memory an operand has asked for.
  [[nodiscard]] std::optional<View> begun_join(graph::Value join) const;
  /// New dense memory.
  View make(const Dims& dims, DType dtype, const std::vector<std::size_t>& order);
  View make_row_major(const Dims& dims, DType dtype);
  /// New memory of unknown size, for Step::scratch.
  View make_scratch(std::int64_t bytes);
  /// A constant on the device.
  View weight(std::vector<Tensor> sources, Packing packing, const Tensor& scale = {});
  /// A vector of constants as any floating type: a norm's weight, a bias.
  View vector(const std::vector<Tensor>& sources, DType dtype, const Tensor& scale = {});

  /// The same values in other memory: `dtype`, dense, axes in `order`.
  View copy(const View& from, DType dtype, const std::vector<std::size_t>& order);
  /// `from` itself if it is stored as `dtype` and its rows (all dimensions but the last) are adjacent elements at a
  /// distance and address that wide loads allow; a row-major copy otherwise.
  View rows(const View& from, DType dtype);
  /// [N, C, ...] as precision() with adjacent channels, a multiple of 8 of them (zeros are added): itself or a copy.
  View channels_last(const View& from);
  /// A value as some floating type: where it is, or copied to f32.
  View floats(graph::Value v);
  /// An operand as dense f32 elements of one dimension.
  View float_vector(graph::Value v);

  void pointwise(const std::vector<PointwiseBody>& bodies, const std::string& what);
  /// The step that was added, whose arithmetic may be told.
  Step& add_step(std::string what, const std::vector<View>& reads, const std::vector<View>& writes,
                 std::function<void(Libraries&, const Launch&)> run,
                 std::function<std::int64_t(Libraries&)> prepare = {}, const View* scratch = nullptr);
  /// Which scope the steps added next belong to.
  void set_scope(const std::string& scope) { scope_ = scope; }

  Program program;
  std::vector<std::optional<View>> views;

 private:
  void find_joins();
  void emit(graph::Value v);
  void emit_view(graph::Value v);
  void emit_output(std::size_t index);
  View place_source(graph::Value v);

  const PlannedGraph& planned_;
  WeightStore& weights_;
  std::int64_t batch_size_;
  bool static_part_;
  std::string scope_;
  std::map<std::uint32_t, std::size_t> output_of_;  ///< first output that a value is
  std::map<std::pair<Home, std::size_t>, int> homes_;
  std::map<std::uint32_t, std::pair<graph::Value, std::int64_t>> parts_;  ///< by value: the join and its first channel
  std::map<std::uint32_t, View> joins_;                                   ///< begun ones
  std::map<std::string, View> copies_;  ///< copies made of views that never change, by description
};

// The families. Each takes the value that an operation makes and defines it.
void emit_pointwise(Emitter& e, graph::Value v);
void emit_concat(Emitter& e, graph::Value v);
void emit_linear(Emitter& e, const FusedOp& op);
void emit_gated_linear(Emitter& e, const FusedOp& op);
void emit_joined_linear(Emitter& e, const std::vector<graph::Value>& members);
void emit_conv2d(Emitter& e, const FusedOp& op);
void emit_conv_transpose2d(Emitter& e, graph::Value v);
void emit_matmul(Emitter& e, graph::Value v);
void emit_attention(Emitter& e, graph::Value v);
void emit_group_norm(Emitter& e, const FusedOp& op);
void emit_layer_norm(Emitter& e, graph::Value v);
void emit_resize(Emitter& e, const FusedOp& op);
void emit_pad(Emitter& e, graph::Value v);
void emit_reduce(Emitter& e, graph::Value v);
void emit_softmax(Emitter& e, graph::Value v);
void emit_embedding(Emitter& e, graph::Value v);
void emit_timestep_embedding(Emitter& e, graph::Value v);

/// Starts `compiled`, the machine code of `kernel`, on the addresses that its operands have in this launch.
void launch_pointwise(cudaKernel_t compiled, const PointwiseKernel& kernel, const Launch& launch);
/// A view as kernels for any layout take it, its dimensions the first of five.
[[nodiscard]] Strided strided(const View& view);
/// The address put in.
[[nodiscard]] Strided located(Strided tensor, const View& view, const Launch& launch);

/// A product of matrices y [rows, out] = x w^T with everything fused that GemmProblem has. x is rows() of
/// precision(); returns y, row-major. `weight` is [out, in] in precision(); `bias` and `residual` (same rows as y) in
/// y's type.
struct GemmCall {
  View x;
  View weight;
  std::optional<View> bias;
  std::optional<View> residual;
  std::optional<graph::UnaryKind> activation;
  DType y_type = DType::kF32;  ///< or precision()
  std::optional<View> y{};     ///< where the result goes, rows at a distance; else dense memory is made
};
[[nodiscard]] View emit_gemm(Emitter& e, const GemmCall& call, const std::string& what);

/// y's layout under the changes of shape in `views`.
[[nodiscard]] View under_views(Emitter& e, View y, const std::vector<graph::Value>& views);
/// What a fused operation does after its core, as elementwise kernels: for cores that cannot do it themselves.
void finish_apart(Emitter& e, const FusedOp& op, const View& core);
/// The residual in the memory layout and type of `like`: itself or a copy.
[[nodiscard]] View residual_like(Emitter& e, graph::Value residual, const View& like);

}  // namespace comfystream::backend::cuda
