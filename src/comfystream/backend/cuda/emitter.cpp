// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/emitter.hpp"

#include "comfystream/backend/cuda/constants.hpp"
#include "comfystream/backend/cuda/inline_loops.hpp"
#include "comfystream/backend/cuda/libraries.hpp"
#include "comfystream/backend/cuda/storage_types.hpp"
#include "comfystream/error.hpp"
#include "comfystream/graph/passes/reorder.hpp"
#include "comfystream/graph/passes/simplify.hpp"

#include <algorithm>
#include <numeric>

namespace comfystream::backend::cuda {
namespace {

using graph::Node;
using graph::OpKind;
using graph::Value;

std::int64_t bytes_of(const Dims& dims, DType dtype) {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>()) *
         static_cast<std::int64_t>(size_of(dtype));
}

// What a view's elements take, a repeated one counted once.
std::int64_t stored_bytes(const View& view) {
  auto bytes = static_cast<std::int64_t>(size_of(view.dtype));
  for (std::size_t i = 0; i < view.rank(); ++i) bytes *= view.strides[i] == 0 ? 1 : view.dims[i];
  return bytes;
}

std::vector<bool> find_static(const graph::Graph& graph) {
  std::vector<bool> is_static(graph.nodes().size());
  for (std::size_t i = 0; i < is_static.size(); ++i) {
    const Node& node = graph.nodes()[i];
    is_static[i] = node.kind != OpKind::kInput && !node.type.shape.symbolic() &&
                   std::ranges::all_of(node.operands, [&](Value v) { return is_static[v.id]; });
  }
  return is_static;
}

// Marks what an operation that runs for frames reads, through everything computed inside it.
void mark_reads(const PlannedGraph& planned, Value v, std::vector<bool>& read) {
  for (const Value operand : planned.graph.node(v).operands) {
    const Role role = planned.fusion.roles[operand.id];
    if (role == Role::kInlined || role == Role::kAbsorbed) {
      mark_reads(planned, operand, read);
    } else {
      read[operand.id] = true;
    }
  }
}

}  // namespace

PlannedGraph plan_graph(const graph::Graph& graph, DType precision, bool split_static, const FusionOptions& options) {
  PlannedGraph planned;
  planned.precision = precision;
  planned.graph = graph::reorder(graph::simplify(inline_loops(graph)));
  planned.storage = assign_storage(planned.graph, precision);
  planned.fusion = fuse(planned.graph, planned.storage, options);
  const std::size_t count = planned.graph.nodes().size();
  planned.is_static = split_static ? find_static(planned.graph) : std::vector<bool>(count, false);
  planned.crosses.assign(count, false);
  for (std::uint32_t i = 0; i < count; ++i) {
    const Role role = planned.fusion.roles[i];
    if ((role == Role::kOp || role == Role::kView) && !planned.is_static[i]) mark_reads(planned, {i}, planned.crosses);
  }
  for (const auto& output : planned.graph.outputs()) planned.crosses[output.value.id] = true;
  for (std::size_t i = 0; i < count; ++i) planned.crosses[i] = planned.crosses[i] && planned.is_static[i];
  return planned;
}

StaticProgram emit_static(const PlannedGraph& planned, WeightStore& weights) {
  Emitter emitter(planned, weights, 1, true);
  emitter.emit_all();
  StaticProgram fixed{std::move(emitter.program), std::move(emitter.views), {}};
  fixed.kept.assign(fixed.program.buffers.size(), false);
  for (std::size_t i = 0; i < fixed.views.size(); ++i) {
    if (planned.crosses[i] && fixed.views[i]) fixed.kept[static_cast<std::size_t>(fixed.views[i]->buffer)] = true;
  }
  return fixed;
}

Program emit_frames(const PlannedGraph& planned, const StaticProgram& fixed, WeightStore& weights,
                    std::int64_t batch_size) {
  Emitter emitter(planned, weights, batch_size, false);
  emitter.program.buffers = fixed.program.buffers;
  emitter.views = fixed.views;
  emitter.emit_all();
  return std::move(emitter.program);
}

Emitter::Emitter(const PlannedGraph& planned, WeightStore& weights, std::int64_t batch_size, bool static_part)
    : planned_(planned), weights_(weights), batch_size_(batch_size), static_part_(static_part) {
  views.resize(planned.graph.nodes().size());
  for (std::size_t i = 0; i < planned.graph.outputs().size(); ++i) {
    output_of_.try_emplace(planned.graph.outputs()[i].value.id, i);
  }
  find_joins();
}

// Maps that nothing but a join of channels reads can be made inside it.
void Emitter::find_joins() {
  const auto& nodes = graph().nodes();
  std::vector<int> readers(nodes.size(), 0);
  for (const Node& node : nodes) {
    for (const Value operand : node.operands) ++readers[operand.id];
  }
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    const Value join{i};
    const bool here = role(join) == Role::kOp && planned_.is_static[i] == static_part_ && !output_of_.contains(i);
    if (!here || nodes[i].kind != OpKind::kConcat || storage(join) != precision() || dims(join).size() != 4) continue;
    if (std::get<graph::ConcatAttrs>(nodes[i].attrs).axis != 1 || dims(join)[1] % 8 != 0) continue;
    std::int64_t at = 0;
    for (const Value part : nodes[i].operands) {
      const bool alone = readers[part.id] == 1 && !output_of_.contains(part.id) && role(part) == Role::kOp;
      const bool same = planned_.is_static[part.id] == static_part_ && storage(part) == precision();
      if (alone && same && at % 8 == 0 && dims(part)[1] % 8 == 0) parts_[part.id] = {join, at};
      at += dims(part)[1];
    }
  }
}

std::optional<View> Emitter::part_of_join(Value v) {
  const auto part = parts_.find(v.id);
  if (part == parts_.end()) return std::nullopt;
  const auto [join, begin] = part->second;
  auto begun = joins_.find(join.id);
  if (begun == joins_.end()) begun = joins_.emplace(join.id, make(dims(join), precision(), {0, 2, 3, 1})).first;
  return sliced(begun->second, 1, begin, begin + dims(v)[1]);
}

std::optional<View> Emitter::begun_join(Value join) const {
  const auto begun = joins_.find(join.id);
  return begun == joins_.end() ? std::nullopt : std::optional(begun->second);
}

void Emitter::emit_all() {
  for (std::uint32_t i = 0; i < graph().nodes().size(); ++i) {
    const Value v{i};
    const Role kind = role(v);
    if ((kind != Role::kOp && kind != Role::kView) || planned_.is_static[i] != static_part_) continue;
    if (constant_of(graph(), v)) continue;  // read where it is stored
    scope_ = node(v).scope;
    if (kind == Role::kView) {
      emit_view(v);
    } else {
      emit(v);
    }
  }
  if (static_part_) return;
  for (std::size_t i = 0; i < graph().outputs().size(); ++i) emit_output(i);
}

void Emitter::emit(Value v) {
  if (views[v.id]) return;  // made along with another value
  const auto joined = fusion().joined_into.find(v.id);
  if (joined != fusion().joined_into.end()) {
    if (joined->second == v.id) emit_joined_linear(*this, fusion().joined.at(v.id));
    return;
  }
  const auto fused = fusion().fused.find(v.id);
  const FusedOp op = fused != fusion().fused.end() ? fused->second : FusedOp{v, v, {}, {}, {}, {}, {}};
  switch (node(op.core).kind) {
    case OpKind::kConv2d:
      return emit_conv2d(*this, op);
    case OpKind::kLinear:
      return op.gated ? emit_gated_linear(*this, op) : emit_linear(*this, op);
    case OpKind::kGroupNorm:
      return emit_group_norm(*this, op);
    case OpKind::kConvTranspose2d:
      return emit_conv_transpose2d(*this, v);
    case OpKind::kMatmul:
      return emit_matmul(*this, v);
    case OpKind::kAttention:
      return emit_attention(*this, v);
    case OpKind::kLayerNorm:
      return emit_layer_norm(*this, v);
    case OpKind::kConcat:
      return emit_concat(*this, v);
    case OpKind::kResize:
      return emit_resize(*this, op);
    case OpKind::kPad:
      return emit_pad(*this, v);
    case OpKind::kReduce:
      return emit_reduce(*this, v);
    case OpKind::kSoftmax:
      return emit_softmax(*this, v);
    case OpKind::kEmbedding:
      return emit_embedding(*this, v);
    case OpKind::kTimestepEmbedding:
      return emit_timestep_embedding(*this, v);
    default:
      if (is_pointwise(node(v).kind)) return emit_pointwise(*this, v);
      throw Error(ErrorCode::kUnsupported, "cuda: the operation " + std::string(to_string(node(v).kind)) +
                                               " is not supported" + (scope_.empty() ? "" : ", in " + scope_));
  }
}

void Emitter::emit_view(Value v) {
  const Node& n = node(v);
  const View from = view(n.operands[0]);
  if (n.kind == OpKind::kReshape) {
    auto same = reshaped(from, dims(v));
    if (!same) same = reshaped(copy(from, from.dtype, natural_order(from.rank())), dims(v));
    return define(v, *same);
  }
  define(v, under_views(*this, from, {v}));
}

void Emitter::emit_output(std::size_t index) {
  const Value v = graph().outputs()[index].value;
  const auto home = homes_.find({Home::kOutput, index});
  const View from = view(v);
  if (home != homes_.end() && from.buffer == home->second) return;
  scope_ = node(v).scope;
  View to{-1, node(v).type.dtype, dims(v), row_major(dims(v)), 0};
  to.buffer = static_cast<int>(program.buffers.size());
  program.buffers.push_back({Home::kOutput, index, bytes_of(to.dims, to.dtype)});
  homes_[{Home::kOutput, index}] = to.buffer;
  pointwise({{to, {from}, {}, "a0"}}, "output");
}

View Emitter::place_source(Value v) {
  const Node& n = node(v);
  if (const auto constant = constant_of(graph(), v)) {
    return weight({*constant}, {constant->dtype(), {constant->elements()}, {}, {}});
  }
  Home home = Home::kInput;
  std::size_t index = 0;
  const auto& list = n.kind == OpKind::kInput ? graph().inputs() : graph().parameters();
  if (n.kind == OpKind::kParameter) home = Home::kParameter;
  if (n.kind != OpKind::kInput && n.kind != OpKind::kParameter) {
    throw Error(ErrorCode::kInternal, "cuda: %" + std::to_string(v.id) + " is read before it is made");
  }
  index = static_cast<std::size_t>(std::ranges::find(list, v) - list.begin());
  auto [known, is_new] = homes_.try_emplace({home, index}, static_cast<int>(program.buffers.size()));
  if (is_new) program.buffers.push_back({home, index, bytes_of(dims(v), n.type.dtype)});
  return {known->second, n.type.dtype, {}, {}, 0};
}

View Emitter::view(Value v) {
  auto& place = views[v.id];
  if (!place) {
    View source = place_source(v);
    source.dims = dims(v);
    source.strides = row_major(source.dims);
    place = source;
  }
  return *place;
}

View Emitter::make(const Dims& dims, DType dtype, const std::vector<std::size_t>& order) {
  View result{static_cast<int>(program.buffers.size()), dtype, dims, dense_strides(dims, order), 0};
  program.buffers.push_back(
      {static_part_ ? Home::kStatic : Home::kArena, 0, std::max<std::int64_t>(bytes_of(dims, dtype), 1)});
  return result;
}

View Emitter::make_row_major(const Dims& dims, DType dtype) { return make(dims, dtype, natural_order(dims.size())); }

View Emitter::make_scratch(std::int64_t bytes) { return make_row_major({bytes}, DType::kU8); }

View Emitter::result(Value v, const std::vector<std::size_t>& order) {
  const auto output = output_of_.find(v.id);
  if (output == output_of_.end() || static_part_ || storage(v) != node(v).type.dtype) {
    return make(dims(v), storage(v), order);
  }
  View to{static_cast<int>(program.buffers.size()), storage(v), dims(v), row_major(dims(v)), 0};
  program.buffers.push_back({Home::kOutput, output->second, bytes_of(to.dims, to.dtype)});
  homes_[{Home::kOutput, output->second}] = to.buffer;
  return to;
}

View Emitter::weight(std::vector<Tensor> sources, Packing packing, const Tensor& scale) {
  View result{-1, packing.dtype, packing.dims, row_major(packing.dims), 0};
  const std::size_t index = weights_.request(std::move(sources), std::move(packing), scale);
  auto [known, is_new] = homes_.try_emplace({Home::kWeight, index}, static_cast<int>(program.buffers.size()));
  if (is_new) program.buffers.push_back({Home::kWeight, index, weights_.bytes(index)});
  result.buffer = known->second;
  return result;
}

View Emitter::vector(const std::vector<Tensor>& sources, DType dtype, const Tensor& scale) {
  std::int64_t count = 0;
  for (const auto& source : sources) count += source.elements();
  return weight(sources, {dtype, {count}, {}, {}}, scale);
}

View Emitter::copy(const View& from, DType dtype, const std::vector<std::size_t>& order) {
  std::string key =
      std::to_string(from.buffer) + " " + std::to_string(from.offset) + " " + std::string(to_string(dtype));
  for (const auto* list : {&from.dims, &from.strides}) {
    for (const auto value : *list) key += "," + std::to_string(value);
  }
  for (const auto axis : order) key += "." + std::to_string(axis);
  const auto known = copies_.find(key);
  if (known != copies_.end()) return known->second;
  View to = make(from.dims, dtype, order);
  pointwise({{to, {from}, {}, "a0"}}, "copy");
  copies_.emplace(std::move(key), to);
  return to;
}

View Emitter::rows(const View& from, DType dtype) {
  const auto matrix = as_matrix(from);
  const bool wide = matrix && matrix->row_stride % 8 == 0 && from.offset % 8 == 0;
  if (wide && from.dtype == dtype) return from;
  return copy(from, dtype, natural_order(from.rank()));
}

View Emitter::channels_last(const View& from) {
  std::vector<std::size_t> order = natural_order(from.rank());
  std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  const std::int64_t channels = from.dims[1];
  bool fits = from.dtype == precision() && channels % 8 == 0 && from.strides[1] == 1 && from.offset % 8 == 0;
  for (std::size_t i = 0; i < from.rank(); ++i) {
    fits = fits && (i == 1 || from.dims[i] == 1 || (from.strides[i] % 8 == 0 && from.strides[i] != 0));
  }
  if (!fits && channels % 8 == 0) return copy(from, precision(), order);
  if (!fits) {
    Dims padded = from.dims;
    padded[1] = (channels + 7) / 8 * 8;
    View to = make(padded, precision(), order);
    if (from.rank() == 4 && is_floating(from.dtype)) {
      add_step("channels to the inside", {from}, {to}, [from, to](Libraries&, const Launch& launch) {
        launch_fill_channels(located(strided(from), from, launch), located(strided(to), to, launch), launch.stream);
      });
      return to;
    }
    View rest = sliced(to, 1, channels, padded[1]);
    pointwise({{sliced(to, 1, 0, channels), {from}, {}, "a0"}, {rest, {}, {}, "0.0f"}}, "channels to the inside");
    return to;
  }
  // Strides of single elements are arbitrary; libraries check them all the same.
  View result = from;
  std::int64_t step = channels;
  for (std::size_t i = from.rank(); i-- > 0;) {
    if (i == 1) continue;
    if (result.dims[i] == 1) result.strides[i] = step;
    step = result.strides[i] * result.dims[i];
  }
  return result;
}

View Emitter::floats(Value v) {
  View x = view(v);
  return is_floating(x.dtype) ? x : copy(x, DType::kF32, axis_order(x));
}

View Emitter::float_vector(Value v) {
  if (const auto constant = constant_of(graph(), v)) return vector({*constant}, DType::kF32);
  View flat = view(v);
  if (flat.dtype == DType::kF32 && is_row_major(flat)) return flat;
  return copy(flat, DType::kF32, natural_order(flat.rank()));
}

Step& Emitter::add_step(std::string what, const std::vector<View>& reads, const std::vector<View>& writes,
                        std::function<void(Libraries&, const Launch&)> run,
                        std::function<std::int64_t(Libraries&)> prepare, const View* scratch) {
  Step step;
  step.what = std::move(what);
  step.scope = scope_;
  step.prepare = std::move(prepare);
  step.run = std::move(run);
  for (const auto& view : reads) {
    step.reads.push_back(view.buffer);
    step.bytes += stored_bytes(view);
  }
  for (const auto& view : writes) {
    step.writes.push_back(view.buffer);
    if (scratch == nullptr || view.buffer != scratch->buffer) step.bytes += stored_bytes(view);
  }
  if (scratch != nullptr) {
    step.writes.push_back(scratch->buffer);
    step.scratch = scratch->buffer;
  }
  program.steps.push_back(std::move(step));
  return program.steps.back();
}

void Emitter::pointwise(const std::vector<PointwiseBody>& bodies, const std::string& what) {
  std::vector<PointwiseBody> all;
  for (const auto& body : bodies) {
    if (body.out.elements() == 0) continue;
    PointwiseBody full = body;
    for (auto& input : full.inputs) input = broadcast(input, body.out.dims);
    all.push_back(std::move(full));
  }
  if (all.empty()) return;
  auto kernel = std::make_shared<const PointwiseKernel>(make_pointwise_kernel(all));
  std::vector<View> reads;
  std::vector<View> writes;
  for (const auto& body : all) {
    reads.insert(reads.end(), body.inputs.begin(), body.inputs.end());
    writes.push_back(body.out);
  }
  auto found = std::make_shared<cudaKernel_t>(nullptr);
  add_step(
      what, reads, writes,
      [kernel, found](Libraries&, const Launch& launch) { launch_pointwise(*found, *kernel, launch); },
      [kernel, found](Libraries& libraries) {
        *found = libraries.jit.kernel(kernel->source, "pointwise");
        return std::int64_t{0};
      });
}

void launch_pointwise(cudaKernel_t compiled, const PointwiseKernel& kernel, const Launch& launch) {
  std::vector<void*> operands;
  operands.reserve(kernel.operands.size());
  for (const auto& operand : kernel.operands) operands.push_back(launch.pointer(operand));
  launch_pointwise(compiled, kernel.threads, operands, launch.stream);
}

Strided strided(const View& view) {
  if (view.rank() > 5) throw Error(ErrorCode::kUnsupported, "cuda: a tensor of more than 5 dimensions");
  Strided result;
  result.dtype = view.dtype;
  for (std::size_t i = 0; i < view.rank(); ++i) {
    result.dims[i] = view.dims[i];
    result.strides[i] = view.strides[i];
  }
  return result;
}

Strided located(Strided tensor, const View& view, const Launch& launch) {
  tensor.data = launch.pointer(view);
  return tensor;
}

}  // namespace comfystream::backend::cuda
