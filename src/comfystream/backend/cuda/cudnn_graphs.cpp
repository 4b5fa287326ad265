// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/cudnn_graphs.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/device_memory.hpp"
#include "comfystream/backend/cuda/timing.hpp"
#include "comfystream/error.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include <cudnn_frontend.h>

namespace comfystream::backend::cuda {
namespace {

namespace fe = cudnn_frontend;
using FeGraph = fe::graph::Graph;
using Tensor = std::shared_ptr<fe::graph::Tensor_attributes>;

constexpr std::int64_t kMostWorkspace = std::int64_t{256} << 20U;
constexpr std::int64_t kMostCandidates = 10;
constexpr std::int64_t kLoaded = -1;  // in place of a plan's index: the only one of a graph that was stored

enum Uid : std::int64_t { kX = 1, kW, kBias, kResidual, kY, kQ, kK, kV };

void check(cudnnStatus_t status, const char* what) {
  if (status != CUDNN_STATUS_SUCCESS)
    throw Error(ErrorCode::kBackend, std::string(what) + ": " + cudnnGetErrorString(status));
}

fe::DataType_t type_of(DType dtype) {
  if (dtype == DType::kF32) return fe::DataType_t::FLOAT;
  return dtype == DType::kBF16 ? fe::DataType_t::BFLOAT16 : fe::DataType_t::HALF;
}

void add(std::string& key, const Dims& values) {
  for (const auto value : values) key += std::to_string(value) + ",";
  key += " ";
}

Tensor tensor(FeGraph& graph, Uid uid, const Dims& dims, const Dims& strides) {
  return graph.tensor(fe::graph::Tensor_attributes().set_uid(uid).set_dim(dims).set_stride(strides));
}

Tensor pointwise(FeGraph& graph, fe::PointwiseMode_t mode, const Tensor& a, const Tensor& b) {
  const auto attributes = fe::graph::Pointwise_attributes().set_mode(mode);
  return b ? graph.pointwise(a, b, attributes) : graph.pointwise(a, attributes);
}

std::shared_ptr<FeGraph> describe(const ConvProblem& p) {
  auto graph = std::make_shared<FeGraph>();
  graph->set_io_data_type(type_of(p.type))
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  const std::int64_t c = p.x[1];
  const std::int64_t k = p.y[1];
  const Tensor x = tensor(*graph, kX, p.x, p.x_strides);
  const Tensor w = tensor(*graph, kW, {k, c, p.r, p.s}, {c * p.r * p.s, 1, p.s * c, c});
  Tensor y = graph->conv_fprop(x, w,
                               fe::graph::Conv_fprop_attributes()
                                   .set_pre_padding({p.pad_top, p.pad_left})
                                   .set_post_padding({p.pad_bottom, p.pad_right})
                                   .set_stride({p.stride_h, p.stride_w})
                                   .set_dilation({p.dilation_h, p.dilation_w}));
  if (!p.residual_strides.empty()) {
    y = pointwise(*graph, fe::PointwiseMode_t::ADD, y, tensor(*graph, kResidual, p.y, p.residual_strides));
  }
  if (p.bias) y = pointwise(*graph, fe::PointwiseMode_t::ADD, y, tensor(*graph, kBias, {1, k, 1, 1}, {k, 1, k, k}));
  if (p.activation == ConvActivation::kRelu) y = pointwise(*graph, fe::PointwiseMode_t::RELU_FWD, y, nullptr);
  if (p.activation == ConvActivation::kSilu) y = pointwise(*graph, fe::PointwiseMode_t::SWISH_FWD, y, nullptr);
  y->set_output(true).set_uid(kY).set_dim(p.y).set_stride(p.y_strides).set_data_type(type_of(p.y_type));
  return graph;
}

std::shared_ptr<FeGraph> describe(const AttentionProblem& p) {
  auto graph = std::make_shared<FeGraph>();
  graph->set_io_data_type(type_of(p.type))
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  auto attributes =
      fe::graph::SDPA_attributes().set_name("attention").set_attn_scale(p.scale).set_generate_stats(false);
  if (p.causal) attributes.set_causal_mask(true);
  const auto outputs = graph->sdpa(tensor(*graph, kQ, p.q, p.q_strides), tensor(*graph, kK, p.k, p.k_strides),
                                   tensor(*graph, kV, p.v, p.v_strides), attributes);
  const Dims y{p.q[0], p.q[1], p.q[2], p.v[3]};
  outputs[0]->set_output(true).set_uid(kY).set_dim(y).set_stride(p.y_strides);
  return graph;
}

class Handle {
 public:
  Handle() { check(cudnnCreate(&handle_), "starting cuDNN"); }
  ~Handle() { static_cast<void>(cudnnDestroy(handle_)); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  [[nodiscard]] cudnnHandle_t get() const { return handle_; }

 private:
  cudnnHandle_t handle_ = nullptr;
};

struct Plan {
  std::shared_ptr<FeGraph> graph;  // null: cuDNN cannot
  std::int64_t index = 0;
  std::int64_t workspace = 0;
  float microseconds = 0;
};

constexpr const char* kNoPlan = "-1 none";  // as a choice

// What cuDNN compiled for `choice`, as PlanStore names it.
std::string stored_name(const std::string& key, const std::string& choice) { return key + "\t" + choice; }

using Pack = std::unordered_map<std::int64_t, void*>;

}  // namespace

struct CudnnLibrary::Impl {
  Impl(TuningCache& c, PlanStore& p, DeviceUse& u, bool t) : cache(c), store(p), use(u), tune(t) {}

  struct Entry {
    std::once_flag once;
    Plan plan;
  };

  template <typename Problem>
  std::int64_t prepare(const Problem& problem, const std::map<std::int64_t, std::size_t>& sizes) {
    const std::string key = problem.key();
    Entry* entry = nullptr;
    {
      const std::lock_guard lock(mutex);
      auto& slot = plans[key];
      if (!slot) slot = std::make_unique<Entry>();
      entry = slot.get();
    }
    std::call_once(entry->once, [&] { entry->plan = make(problem, key, sizes); });
    {
      // Made here because it takes device memory, which recording a batch must not.
      const std::lock_guard lock(running_mutex);
      if (!running) running = std::make_unique<Handle>();
    }
    return entry->plan.graph ? entry->plan.workspace : -1;
  }

  template <typename Problem>
  Plan make(const Problem& problem, const std::string& key, const std::map<std::int64_t, std::size_t>& sizes) {
    const auto known = cache.find(key);
    if (known == kNoPlan) return {};
    const auto own = borrow_handle();
    Plan plan;
    if (known) plan = load(key, *known, own->get());
    if (!plan.graph) plan = build(describe(problem), key, known, sizes, own->get());
    give_back(own);
    if (!plan.graph && tune) cache.insert(key, kNoPlan);
    return plan;
  }

  // Compiled already by an earlier run: neither heuristics nor a compiler.
  Plan load(const std::string& key, const std::string& choice, cudnnHandle_t handle) const {
    const auto stored = store.find(stored_name(key, choice));
    if (!stored) return {};
    auto graph = std::make_shared<FeGraph>();
    std::int64_t workspace = 0;
    try {
      if (graph->deserialize(handle, *stored, true, false).is_bad()) return {};
      if (graph->get_workspace_size(workspace).is_bad()) return {};
    } catch (const std::exception&) {
      return {};  // of a frontend that writes other fields: it is built again
    }
    return {graph, kLoaded, workspace, std::strtof(choice.c_str(), nullptr)};
  }

  void keep(const std::string& key, const std::string& choice, const Plan& plan) {
    PlanStore::Bytes bytes;
    if (tune && plan.graph->serialize(bytes, false).is_good()) store.insert(stored_name(key, choice), std::move(bytes));
  }

  Plan build(const std::shared_ptr<FeGraph>& graph, const std::string& key, const std::optional<std::string>& known,
             const std::map<std::int64_t, std::size_t>& sizes, cudnnHandle_t handle) {
    if (graph->validate().is_bad() || graph->build_operation_graph(handle).is_bad() ||
        graph->create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK}).is_bad()) {
      return {};
    }
    // Sums are single precision, parts of them that meet in memory included.
    graph->deselect_numeric_notes({fe::NumericalNote_t::REDUCED_PRECISION_REDUCTION,
                                   fe::NumericalNote_t::DOWN_CONVERT_INPUTS, fe::NumericalNote_t::WINOGRAD});
    if (known) {
      if (Plan plan = build_known(graph, *known, handle); plan.graph) {
        keep(key, *known, plan);
        return plan;
      }
    }
    return build_best(graph, key, sizes, handle);
  }

  // `choice`: microseconds, a space, the plan's name.
  static Plan build_known(const std::shared_ptr<FeGraph>& graph, const std::string& choice, cudnnHandle_t handle) {
    const auto space = choice.find(' ');
    if (space == std::string::npos) return {};
    const std::string name = choice.substr(space + 1);
    const float microseconds = std::strtof(choice.c_str(), nullptr);
    for (std::int64_t i = 0; i < graph->get_execution_plan_count(); ++i) {
      std::string other;
      if (graph->get_plan_name_at_index(i, other).is_bad() || other != name) continue;
      if (graph->build_plan_at_index(handle, i).is_bad()) return {};
      return {graph, i, graph->get_workspace_size_plan_at_index(i), microseconds};
    }
    return {};
  }

  Plan build_best(const std::shared_ptr<FeGraph>& graph, const std::string& key,
                  const std::map<std::int64_t, std::size_t>& sizes, cudnnHandle_t handle) {
    std::vector<std::int64_t> built;
    const std::int64_t most = tune ? kMostCandidates : 1;
    for (std::int64_t i = 0; i < graph->get_execution_plan_count() && std::ssize(built) < most; ++i) {
      if (graph->build_plan_at_index(handle, i).is_bad()) continue;
      if (graph->get_workspace_size_plan_at_index(i) <= kMostWorkspace) built.push_back(i);
    }
    if (built.empty()) return {};
    Plan best{graph, built.front(), graph->get_workspace_size_plan_at_index(built.front()), 0};
    if (!tune) return best;
    best.microseconds = 1e30F;
    {
      const auto alone = use.alone();
      time_candidates(built, sizes, handle, best);
    }
    std::string name;
    if (graph->get_plan_name_at_index(best.index, name).is_bad()) return best;
    const std::string choice = std::to_string(best.microseconds) + " " + name;
    cache.insert(key, choice);
    // Built again as the graph's last, which is the one that cuDNN's frontend writes.
    if (graph->build_plan_at_index(handle, best.index).is_good()) keep(key, choice, best);
    return best;
  }

  static void time_candidates(const std::vector<std::int64_t>& built, const std::map<std::int64_t, std::size_t>& sizes,
                              cudnnHandle_t handle, Plan& best) {
    std::vector<DeviceBuffer> buffers;
    Pack pack;
    for (const auto& [uid, bytes] : sizes) {
      buffers.emplace_back(bytes + 256, "tuning");
      // Patterns that are ordinary numbers in every type: zeros would run faster than weights do.
      cuda::check(cudaMemset(buffers.back().data(), 0x2D, bytes), "tuning");
      pack[uid] = buffers.back().data();
    }
    std::int64_t workspace = 0;
    for (const auto i : built) workspace = std::max(workspace, best.graph->get_workspace_size_plan_at_index(i));
    const DeviceBuffer scratch(static_cast<std::size_t>(workspace), "tuning");
    const Stream stream = make_stream();
    for (const auto i : built) {
      try {
        const float time = time_launch(
            [&](cudaStream_t s) { execute(*best.graph, i, pack, scratch.data(), s, handle); }, stream.get());
        if (time >= best.microseconds) continue;
        best.microseconds = time;
        best.index = i;
        best.workspace = best.graph->get_workspace_size_plan_at_index(i);
      } catch (const Error&) {
        continue;  // a candidate that does not run is no candidate
      }
    }
  }

  static void execute(FeGraph& graph, std::int64_t index, Pack& pack, void* workspace, cudaStream_t stream,
                      cudnnHandle_t handle) {
    check(cudnnSetStream(handle, stream), "choosing cuDNN's stream");
    auto status = index == kLoaded ? graph.execute(handle, pack, workspace)
                                   : graph.execute_plan_at_index(handle, pack, workspace, index);
    if (status.is_bad()) throw Error(ErrorCode::kBackend, "cuDNN: " + status.get_message());
  }

  void run(const std::string& key, Pack pack, void* workspace, cudaStream_t stream) {
    Plan* plan = nullptr;
    {
      const std::lock_guard lock(mutex);
      plan = &plans.at(key)->plan;
    }
    const std::lock_guard lock(running_mutex);
    execute(*plan->graph, plan->index, pack, workspace, stream, running->get());
  }

  std::shared_ptr<Handle> borrow_handle() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        auto handle = std::move(idle.back());
        idle.pop_back();
        return handle;
      }
    }
    return std::make_shared<Handle>();
  }
  void give_back(std::shared_ptr<Handle> handle) {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(handle));
  }

  TuningCache& cache;
  PlanStore& store;
  DeviceUse& use;
  bool tune;
  std::mutex mutex;  // guards plans and idle
  std::map<std::string, std::unique_ptr<Entry>> plans;
  std::vector<std::shared_ptr<Handle>> idle;
  std::mutex running_mutex;
  std::unique_ptr<Handle> running;
};

std::string ConvProblem::key() const {
  std::string key = "conv ";
  add(key, x);
  add(key, x_strides);
  add(key, y);
  add(key, y_strides);
  add(key, residual_strides);
  add(key, {r, s, pad_top, pad_left, pad_bottom, pad_right, stride_h, stride_w, dilation_h, dilation_w});
  return key + (bias ? "bias " : "") + std::string(to_string(type)) + " " + std::string(to_string(y_type)) + " " +
         std::to_string(static_cast<int>(activation));
}

std::string AttentionProblem::key() const {
  std::string key = "attention ";
  for (const auto* dims : {&q, &q_strides, &k, &k_strides, &v, &v_strides, &y_strides}) add(key, *dims);
  return key + std::string(to_string(type)) + " " + std::to_string(scale) + (causal ? " causal" : "");
}

namespace {

// Bytes from the first to the last element.
std::size_t span_bytes(const Dims& dims, const Dims& strides, std::size_t size) {
  std::int64_t last = 1;
  for (std::size_t i = 0; i < dims.size(); ++i) last += (dims[i] - 1) * strides[i];
  return static_cast<std::size_t>(last) * size;
}

}  // namespace

CudnnLibrary::CudnnLibrary(TuningCache& cache, PlanStore& plans, DeviceUse& use, bool tune)
    : impl_(std::make_unique<Impl>(cache, plans, use, tune)) {}
CudnnLibrary::~CudnnLibrary() = default;

std::int64_t CudnnLibrary::prepare(const ConvProblem& p) {
  std::map<std::int64_t, std::size_t> sizes{
      {kX, span_bytes(p.x, p.x_strides, 2)},
      {kW, static_cast<std::size_t>(p.y[1] * p.x[1] * p.r * p.s * 2)},
      {kY, span_bytes(p.y, p.y_strides, size_of(p.y_type))},
  };
  if (p.bias) sizes[kBias] = static_cast<std::size_t>(p.y[1] * 4);
  if (!p.residual_strides.empty()) sizes[kResidual] = span_bytes(p.y, p.residual_strides, 2);
  return impl_->prepare(p, sizes);
}

std::int64_t CudnnLibrary::prepare(const AttentionProblem& p) {
  const Dims y{p.q[0], p.q[1], p.q[2], p.v[3]};
  return impl_->prepare(p, {{kQ, span_bytes(p.q, p.q_strides, 2)},
                            {kK, span_bytes(p.k, p.k_strides, 2)},
                            {kV, span_bytes(p.v, p.v_strides, 2)},
                            {kY, span_bytes(y, p.y_strides, 2)}});
}

std::optional<float> CudnnLibrary::measured(const std::string& key) const {
  const auto choice = impl_->cache.find(key);
  if (!choice) return std::nullopt;
  return std::strtof(choice->c_str(), nullptr);
}

void CudnnLibrary::run(const ConvProblem& problem, const ConvPointers& pointers, cudaStream_t stream) {
  Pack pack{{kX, const_cast<void*>(pointers.x)}, {kW, const_cast<void*>(pointers.w)}, {kY, pointers.y}};
  if (problem.bias) pack[kBias] = const_cast<void*>(pointers.bias);
  if (!problem.residual_strides.empty()) pack[kResidual] = const_cast<void*>(pointers.residual);
  impl_->run(problem.key(), std::move(pack), pointers.workspace, stream);
}

void CudnnLibrary::run(const AttentionProblem& problem, const AttentionPointers& pointers, cudaStream_t stream) {
  impl_->run(problem.key(),
             {{kQ, const_cast<void*>(pointers.q)},
              {kK, const_cast<void*>(pointers.k)},
              {kV, const_cast<void*>(pointers.v)},
              {kY, pointers.y}},
             pointers.workspace, stream);
}

}  // namespace comfystream::backend::cuda
