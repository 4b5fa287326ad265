// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/pointwise_source.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <sstream>

namespace comfystream::backend::cuda {
namespace {

// Conversions round to nearest even and, to whole numbers, truncate towards zero and saturate, as the reference does.
constexpr const char* kPrelude = R"(
typedef unsigned char u8; typedef long long i64; typedef unsigned short u16;
__device__ inline float half_to_float(u16 h) { float f; asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h)); return f; }
__device__ inline u16 float_to_half(float f) { u16 h; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f)); return h; }
__device__ inline float brain_to_float(u16 h) { return __int_as_float(((int)h) << 16); }
__device__ inline u16 float_to_brain(float f) { u16 h; asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(h) : "f"(f)); return h; }
__device__ inline u8 to_u8(float f) { return f != f || f <= 0.0f ? 0 : (f >= 255.0f ? 255 : (u8)f); }
__device__ inline int to_i32(float f) { return f != f ? 0 : __float2int_rz(f); }
__device__ inline i64 to_i64(float f) { return f != f ? 0 : __float2ll_rz(f); }
__device__ inline float silu(float x) { return x / (1.0f + expf(-x)); }
__device__ inline float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f)); }
__device__ inline float gelu_tanh(float x) {
  return 0.5f * x * (1.0f + tanhf(0.79788456080286536f * (x + 0.044715f * x * x * x)));
}
__device__ inline void await_kernels_in_front() {  // see device_code.cuh
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}
template <typename T, int V> struct alignas(sizeof(T) * V) Pack { T v[V]; };
)";

struct Storage {
  const char* type;   // in memory
  const char* value;  // in registers
  const char* load;   // function from memory to register
  const char* store;
};

Storage storage_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return {"float", "float", "", ""};
    case DType::kF16:
      return {"u16", "float", "half_to_float", "float_to_half"};
    case DType::kBF16:
      return {"u16", "float", "brain_to_float", "float_to_brain"};
    case DType::kU8:
    case DType::kBool:
      return {"u8", "u8", "", ""};
    case DType::kI32:
      return {"int", "int", "", ""};
    case DType::kI64:
      return {"i64", "i64", "", ""};
  }
  throw Error(ErrorCode::kInternal, "an elementwise kernel of an unknown type");
}

struct Layout {
  MergedDims merged;  // out first
  std::int64_t vector = 1;
  std::int64_t elements = 0;
};

// The widest access that every operand allows: 16 bytes of the narrowest type at most.
std::int64_t vector_width(const MergedDims& merged, const std::vector<View>& views) {
  std::int64_t width = 16;
  for (const auto& view : views)
    width = std::min<std::int64_t>(width, 16 / static_cast<std::int64_t>(size_of(view.dtype)));
  for (; width > 1; width /= 2) {
    bool fits = merged.dims.back() % width == 0;
    for (std::size_t t = 0; t < views.size() && fits; ++t) {
      const auto& strides = merged.strides[t];
      if (strides.back() == 0) continue;  // one element for all lanes
      fits = strides.back() == 1 && views[t].offset % width == 0;
      for (std::size_t i = 0; i + 1 < strides.size() && fits; ++i) fits = strides[i] % width == 0;
    }
    if (fits) break;
  }
  return merged.strides[0].back() == 1 ? std::max<std::int64_t>(width, 1) : 1;
}

Layout lay_out(const PointwiseBody& body, const std::vector<View>& views) {
  const auto order = axis_order(body.out);
  Dims dims;
  std::vector<Dims> strides(views.size());
  for (const auto axis : order) {
    dims.push_back(body.out.dims[axis]);
    for (std::size_t t = 0; t < views.size(); ++t) strides[t].push_back(views[t].strides[axis]);
  }
  Layout layout{merge_dims(dims, strides), 1, body.out.elements()};
  layout.vector = vector_width(layout.merged, views);
  return layout;
}

std::string number(std::int64_t value) { return std::to_string(value); }

// Statements that set o0, o1, ... (element offsets of the operands) for the thread's first element.
void write_offsets(std::ostream& out, const Layout& layout, std::size_t operands) {
  const auto& dims = layout.merged.dims;
  // Dividing 64 bits takes several times the instructions of 32.
  const bool narrow = layout.elements / layout.vector < (std::int64_t{1} << 31U);
  out << (narrow ? "  unsigned rest = (unsigned)i;\n" : "  unsigned long long rest = i;\n");
  for (std::size_t t = 0; t < operands; ++t) out << "  long long o" << t << " = 0;\n";
  for (std::size_t axis = dims.size(); axis-- > 0;) {
    const bool inner = axis + 1 == dims.size();
    const std::int64_t size = inner ? dims[axis] / layout.vector : dims[axis];
    // The outermost index is what is left: its size stays out of the source.
    out << "  { const long long p = " << (axis == 0 ? "(long long)rest" : "(long long)(rest % " + number(size) + "u)");
    out << (inner && layout.vector > 1 ? " * " + number(layout.vector) : "") << ";";
    if (axis != 0) out << " rest /= " << number(size) << "u;";
    for (std::size_t t = 0; t < operands; ++t) {
      if (layout.merged.strides[t][axis] != 0) out << " o" << t << " += p * " << layout.merged.strides[t][axis] << ";";
    }
    out << " }\n";
  }
}

void write_body(std::ostream& out, const PointwiseBody& body, const Layout& layout, std::size_t first_operand) {
  const std::size_t operands = body.inputs.size() + 1;
  write_offsets(out, layout, operands);
  const auto vector = number(layout.vector);
  const Storage result = storage_of(body.out.dtype);
  for (std::size_t t = 1; t < operands; ++t) {
    const Storage storage = storage_of(body.inputs[t - 1].dtype);
    const bool repeated = layout.merged.strides[t].back() == 0 || layout.vector == 1;
    const std::string pack = std::string("Pack<") + storage.type + ", " + (repeated ? "1" : vector) + ">";
    out << "  const " << pack << " m" << t - 1 << " = *(const " << pack << "*)((const " << storage.type << "*)args.p["
        << first_operand + t << "] + o" << t << ");\n";
  }
  out << "  Pack<" << result.type << ", " << vector << "> r;\n#pragma unroll\n  for (int lane = 0; lane < " << vector
      << "; ++lane) {\n";
  for (std::size_t t = 1; t < operands; ++t) {
    const Storage storage = storage_of(body.inputs[t - 1].dtype);
    const bool repeated = layout.merged.strides[t].back() == 0 || layout.vector == 1;
    out << "    const " << storage.value << " a" << t - 1 << " = " << storage.load << "(m" << t - 1 << ".v["
        << (repeated ? "0" : "lane") << "]);\n";
  }
  for (const auto& line : body.lines) out << "    " << line << "\n";
  out << "    r.v[lane] = " << result.store << "((" << result.value << ")(" << body.result << "));\n  }\n";
  out << "  *(Pack<" << result.type << ", " << vector << ">*)((" << result.type << "*)args.p[" << first_operand
      << "] + o0) = r;\n";
}

}  // namespace

PointwiseKernel make_pointwise_kernel(const std::vector<PointwiseBody>& bodies) {
  PointwiseKernel kernel;
  std::ostringstream out;
  out << kPrelude << "struct Arguments { void* p[" << kMostPointwiseOperands << "]; unsigned long long n["
      << kMostPointwiseOperands << "]; };\n";
  out << "extern \"C\" __global__ void __launch_bounds__(256) pointwise(const __grid_constant__ Arguments args) {\n"
      << "  await_kernels_in_front();\n  const unsigned long long i = blockIdx.x * 256ull + threadIdx.x;\n  if (i >= "
         "args.n[blockIdx.y]) return;\n";
  for (std::size_t b = 0; b < bodies.size(); ++b) {
    const auto& body = bodies[b];
    std::vector<View> views{body.out};
    views.insert(views.end(), body.inputs.begin(), body.inputs.end());
    const Layout layout = lay_out(body, views);
    out << "  if (blockIdx.y == " << b << ") {\n";
    write_body(out, body, layout, kernel.operands.size());
    out << "  }\n";
    kernel.threads.push_back(body.out.elements() / layout.vector);
    kernel.operands.insert(kernel.operands.end(), views.begin(), views.end());
  }
  out << "}\n";
  if (kernel.operands.size() > kMostPointwiseOperands) {
    throw Error(ErrorCode::kInternal,
                "an elementwise kernel of " + std::to_string(kernel.operands.size()) + " tensors");
  }
  kernel.source = out.str();
  return kernel;
}

}  // namespace comfystream::backend::cuda
