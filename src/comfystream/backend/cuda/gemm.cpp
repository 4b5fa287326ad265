// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/gemm.hpp"

#include "comfystream/backend/cuda/check.hpp"
#include "comfystream/backend/cuda/timing.hpp"
#include "comfystream/error.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <vector>

namespace comfystream::backend::cuda {
namespace {

struct DestroyDesc {
  void operator()(cublasLtMatmulDesc_t desc) const noexcept { static_cast<void>(cublasLtMatmulDescDestroy(desc)); }
};
struct DestroyLayout {
  void operator()(cublasLtMatrixLayout_t layout) const noexcept {
    static_cast<void>(cublasLtMatrixLayoutDestroy(layout));
  }
};
struct DestroyPreference {
  void operator()(cublasLtMatmulPreference_t preference) const noexcept {
    static_cast<void>(cublasLtMatmulPreferenceDestroy(preference));
  }
};
using Layout = Owned<cublasLtMatrixLayout_t, DestroyLayout>;

cudaDataType type_of(DType dtype) {
  if (dtype == DType::kF32) return CUDA_R_32F;
  return dtype == DType::kBF16 ? CUDA_R_16BF : CUDA_R_16F;
}

Layout make_layout(DType dtype, std::int64_t rows, std::int64_t columns, std::int64_t stride) {
  cublasLtMatrixLayout_t layout = nullptr;
  check(cublasLtMatrixLayoutCreate(&layout, type_of(dtype), static_cast<std::uint64_t>(rows),
                                   static_cast<std::uint64_t>(columns), stride),
        "describing a matrix");
  return Layout(layout);
}

std::string to_hex(const cublasLtMatmulAlgo_t& algorithm) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<unsigned char, sizeof(algorithm)> bytes{};
  std::memcpy(bytes.data(), &algorithm, sizeof(algorithm));
  std::string text;
  for (const auto byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

bool from_hex(const std::string& text, cublasLtMatmulAlgo_t& algorithm) {
  std::array<unsigned char, sizeof(algorithm)> bytes{};
  if (text.size() != 2 * bytes.size()) return false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<unsigned char>(std::stoul(text.substr(2 * i, 2), nullptr, 16));
  }
  std::memcpy(&algorithm, bytes.data(), sizeof(algorithm));
  return true;
}

}  // namespace

// cuBLASLt is column-major: it computes y^T [out, rows] = w [out, in] x^T [in, rows], with w stored as [in, out].
struct GemmLibrary::Plan {
  std::once_flag chosen;
  std::mutex running;  // a launch changes desc
  Owned<cublasLtMatmulDesc_t, DestroyDesc> desc;
  Layout w, x, residual, y;
  bool has_bias = false;
  bool has_residual = false;
  cublasLtMatmulAlgo_t algorithm{};
};

std::string GemmProblem::key() const {
  std::string text = "gemm";
  for (const auto value : {rows, out, in, x_stride, y_stride, residual ? residual_stride : 0}) {
    text += " " + std::to_string(value);
  }
  return text + (bias ? " bias" : "") + (residual ? " residual" : "") + " " + std::string(to_string(type)) + " " +
         std::string(to_string(y_type)) + " " + std::to_string(static_cast<int>(activation));
}

GemmLibrary::GemmLibrary(TuningCache& cache, DeviceUse& use, bool tune) : cache_(cache), use_(use), tune_(tune) {
  check(cublasLtCreate(&handle_), "starting cuBLASLt");
}

GemmLibrary::~GemmLibrary() { static_cast<void>(cublasLtDestroy(handle_)); }

void GemmLibrary::describe(const GemmProblem& problem, Plan& plan) {
  cublasLtMatmulDesc_t desc = nullptr;
  check(cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F), "describing a product");
  plan.desc.reset(desc);
  const auto set = [&](cublasLtMatmulDescAttributes_t name, const auto& value) {
    check(cublasLtMatmulDescSetAttribute(desc, name, &value, sizeof(value)), "describing a product");
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  cublasLtEpilogue_t epilogue = problem.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
  if (problem.activation == GemmActivation::kRelu) {
    epilogue = problem.bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
  } else if (problem.activation == GemmActivation::kGelu) {
    epilogue = problem.bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
  }
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
  if (problem.bias) {
    set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, type_of(problem.y_type));
    alignas(256) const std::byte aligned{};  // heuristics look at the bias' alignment, not at the bias
    const void* address = &aligned;
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, address);
  }
  plan.w = make_layout(problem.type, problem.in, problem.out, problem.in);
  plan.x = make_layout(problem.type, problem.in, problem.rows, problem.x_stride);
  plan.y = make_layout(problem.y_type, problem.out, problem.rows, problem.y_stride);
  plan.residual = make_layout(problem.y_type, problem.out, problem.rows,
                              problem.residual ? problem.residual_stride : problem.y_stride);
  plan.has_bias = problem.bias;
  plan.has_residual = problem.residual;
}

void GemmLibrary::launch(Plan& plan, const cublasLtMatmulAlgo_t& algorithm, const GemmPointers& pointers,
                         cudaStream_t stream) {
  const std::lock_guard lock(plan.running);
  const float one = 1.0F;
  const float beta = plan.has_residual ? 1.0F : 0.0F;
  if (plan.has_bias) {
    check(cublasLtMatmulDescSetAttribute(plan.desc.get(), CUBLASLT_MATMUL_DESC_BIAS_POINTER, &pointers.bias,
                                         sizeof(pointers.bias)),
          "a product");
  }
  const void* c = plan.has_residual ? pointers.residual : pointers.y;
  check(cublasLtMatmul(handle_, plan.desc.get(), &one, pointers.w, plan.w.get(), pointers.x, plan.x.get(), &beta, c,
                       plan.residual.get(), pointers.y, plan.y.get(), &algorithm, pointers.workspace, kGemmWorkspace,
                       stream),
        "a product");
}

void GemmLibrary::choose(const GemmProblem& problem, Plan& plan) {
  const auto known = cache_.find(problem.key());
  if (known && from_hex(*known, plan.algorithm)) return;
  cublasLtMatmulPreference_t raw = nullptr;
  check(cublasLtMatmulPreferenceCreate(&raw), "choosing a product's algorithm");
  const Owned<cublasLtMatmulPreference_t, DestroyPreference> preference(raw);
  const auto workspace = static_cast<std::uint64_t>(kGemmWorkspace);
  check(cublasLtMatmulPreferenceSetAttribute(raw, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace,
                                             sizeof(workspace)),
        "choosing a product's algorithm");
  // Parts of a sum that meet in memory do so in single precision.
  const std::uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  check(cublasLtMatmulPreferenceSetAttribute(raw, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reductions,
                                             sizeof(reductions)),
        "choosing a product's algorithm");
  std::array<cublasLtMatmulHeuristicResult_t, 32> found{};
  int count = 0;
  const auto status = cublasLtMatmulAlgoGetHeuristic(handle_, plan.desc.get(), plan.w.get(), plan.x.get(),
                                                     plan.residual.get(), plan.y.get(), raw,
                                                     tune_ ? static_cast<int>(found.size()) : 1, found.data(), &count);
  if (status != CUBLAS_STATUS_SUCCESS || count == 0) {
    throw Error(ErrorCode::kBackend,
                "cuBLASLt has no algorithm for " + problem.key() + ": " + cublasLtGetStatusString(status));
  }
  plan.algorithm = found[0].algo;
  if (!tune_) return;
  const auto alone = use_.alone();
  const auto bytes = [](std::int64_t rows, std::int64_t stride, DType dtype) {
    return static_cast<std::size_t>(rows * stride) * size_of(dtype) + 256;
  };
  const DeviceBuffer x(bytes(problem.rows, problem.x_stride, problem.type), "tuning");
  const DeviceBuffer w(bytes(problem.out, problem.in, problem.type), "tuning");
  const DeviceBuffer bias(bytes(1, problem.out, problem.y_type), "tuning");
  const DeviceBuffer residual(problem.residual ? bytes(problem.rows, problem.residual_stride, problem.y_type) : 256,
                              "tuning");
  const DeviceBuffer y(bytes(problem.rows, problem.y_stride, problem.y_type), "tuning");
  const DeviceBuffer scratch(kGemmWorkspace, "tuning");
  // Patterns that are ordinary numbers in every type: zeros would run faster than weights do.
  for (const auto* buffer : {&x, &w, &bias, &residual}) {
    check(cudaMemset(buffer->data(), 0x2D, buffer->size()), "tuning");
  }
  const GemmPointers pointers{x.data(), w.data(), bias.data(), residual.data(), y.data(), scratch.data()};
  const Stream stream = make_stream();
  float best = 1e30F;
  for (int i = 0; i < count; ++i) {
    const auto& algorithm = found[static_cast<std::size_t>(i)].algo;
    try {
      const float time = time_launch([&](cudaStream_t s) { launch(plan, algorithm, pointers, s); }, stream.get());
      if (time < best) {
        best = time;
        plan.algorithm = algorithm;
      }
    } catch (const Error&) {
      continue;  // a candidate that does not run is no candidate
    }
  }
  cache_.insert(problem.key(), to_hex(plan.algorithm));
}

GemmLibrary::Plan& GemmLibrary::plan_of(const GemmProblem& problem) {
  const std::lock_guard lock(mutex_);
  auto& plan = plans_[problem.key()];
  if (!plan) plan = std::make_unique<Plan>();
  return *plan;
}

// Nothing is locked while waiting for the device: who has it alone may be running products.
void GemmLibrary::prepare(const GemmProblem& problem) {
  Plan& plan = plan_of(problem);
  std::call_once(plan.chosen, [&] {
    describe(problem, plan);
    choose(problem, plan);
  });
}

void GemmLibrary::run(const GemmProblem& problem, const GemmPointers& pointers, cudaStream_t stream) {
  Plan& plan = plan_of(problem);
  launch(plan, plan.algorithm, pointers, stream);
}

}  // namespace comfystream::backend::cuda
