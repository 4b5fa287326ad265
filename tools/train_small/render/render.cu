// SPDX-License-Identifier: Apache-2.0
// The renderer's C interface. nvcc makes it run on the GPU; g++ (-x c++) makes the same on the CPU, for looking and
// testing. All pointers are of the device that it runs on; pictures are [count, 3, height, width] in 0..1.
#include "build.h"
#include "paint.h"
#include "photo.h"

namespace render {

struct TraceJob {
  const Scene* scenes;
  Sample* samples;
  float* colours;  ///< [count, 2 height, 2 width, 3]
  int height, width;
};

RENDER_FN void trace_one(const TraceJob& job, int64_t index) {
  const int columns = 2 * job.width;
  const int rows = 2 * job.height;
  const int64_t pixels = static_cast<int64_t>(columns) * rows;
  const Scene& scene = job.scenes[index / pixels];
  const int at = static_cast<int>(index % pixels);
  const float aspect = static_cast<float>(columns) / static_cast<float>(rows);
  const float x =
      (2.0F * (static_cast<float>(at % columns) + 0.5F) / static_cast<float>(columns) - 1.0F) * scene.tangent * aspect;
  const float y = (1.0F - 2.0F * (static_cast<float>(at / columns) + 0.5F) / static_cast<float>(rows)) * scene.tangent;
  const Vec way = scene.forward + scene.right * x + scene.up * y;
  const float stretch = sqrtf(dot(way, way));
  const Vec d = way * (1.0F / stretch);
  const Hit hit = trace(scene, scene.eye, d);
  Sample& sample = job.samples[index];
  sample.object = hit.object;
  Vec colour;
  if (hit.material < 0) {
    sample.normal = {0.0F, 0.0F, 1.0F};
    sample.nearness = 0.0F;
    sample.object = -1;
    colour = sky(scene, d);
  } else {
    sample.normal = {dot(hit.normal, scene.right), dot(hit.normal, scene.up), -dot(hit.normal, scene.forward)};
    sample.nearness = stretch / hit.t;
    colour = shade(scene, scene.eye, d, hit);
  }
  float* out = job.colours + index * 3;
  out[0] = 1.0F - expf(-2.0F * colour.x);
  out[1] = 1.0F - expf(-2.0F * colour.y);
  out[2] = 1.0F - expf(-2.0F * colour.z);
}

struct ResolveJob {
  const Sample* samples;
  const float* colours;
  float* nearness;  ///< [count, height, width]
  float* photo;
  int height, width;
};

RENDER_FN void resolve_one(const ResolveJob& job, int64_t index) {
  const int64_t pixels = static_cast<int64_t>(job.height) * job.width;
  const int64_t picture = index / pixels;
  const int x = static_cast<int>(index % job.width);
  const int y = static_cast<int>(index % pixels) / job.width;
  float near = 0.0F;
  float sum[3] = {0.0F, 0.0F, 0.0F};
  for (int i = 0; i < 4; ++i) {
    const int64_t from = picture * 4 * pixels + static_cast<int64_t>(2 * y + i / 2) * 2 * job.width + 2 * x + i % 2;
    near += 0.25F * job.samples[from].nearness;
    for (int c = 0; c < 3; ++c) sum[c] += 0.25F * job.colours[from * 3 + c];
  }
  job.nearness[index] = near;
  for (int c = 0; c < 3; ++c) job.photo[(picture * 3 + c) * pixels + index % pixels] = sum[c];
}

struct PaintJob {
  const Scene* scenes;
  const Sample* samples;
  const float* range;  ///< [count, 2]: lowest and highest nearness
  float* edge;
  float* open;
  const float* halo;
  const float* aura;
  const float* fine;
  const float* coarse;
  const int* styles;  ///< [count]
  float* painted;
  int height, width;
};

RENDER_FN Picture picture_of(const PaintJob& job, int64_t index) {
  const int64_t pixels = static_cast<int64_t>(job.height) * job.width;
  Picture picture{};
  picture.scene = job.scenes + index;
  picture.samples = job.samples + index * 4 * pixels;
  picture.edge = job.edge + index * pixels;
  picture.open = job.open + index * pixels;
  picture.halo = job.halo + index * pixels;
  picture.aura = job.aura + index * pixels;
  picture.fine = job.fine + index * 4 * (pixels / 64);
  picture.coarse = job.coarse + index * 4 * (pixels / 1024);
  picture.height = job.height;
  picture.width = job.width;
  picture.lowest = job.range[2 * index];
  picture.highest = job.range[2 * index + 1];
  return picture;
}

RENDER_FN void outline_one(const PaintJob& job, int64_t index) {
  const int64_t pixels = static_cast<int64_t>(job.height) * job.width;
  const Picture picture = picture_of(job, index / pixels);
  const int x = static_cast<int>(index % job.width);
  const int y = static_cast<int>(index % pixels) / job.width;
  const int reach = job.height >= 384 ? 3 : 2;
  job.edge[index] = outline(picture, x, y, reach);
  job.open[index] = openness(picture, x, y);
}

RENDER_FN void paint_one(const PaintJob& job, int64_t index) {
  const int64_t pixels = static_cast<int64_t>(job.height) * job.width;
  const int64_t which = index / pixels;
  const Picture picture = picture_of(job, which);
  const int x = static_cast<int>(index % job.width);
  const int y = static_cast<int>(index % pixels) / job.width;
  Vec sum{};
  for (int i = 0; i < 4; ++i) {
    const Vec c = paint(picture, job.styles[which], 2 * x + i % 2, 2 * y + i / 2);
    sum = sum + Vec{saturate(c.x), saturate(c.y), saturate(c.z)} * 0.25F;
  }
  float* out = job.painted + which * 3 * pixels + index % pixels;
  out[0] = sum.x;
  out[pixels] = sum.y;
  out[2 * pixels] = sum.z;
}

struct BuildJob {
  Scene* scenes;
  const int* seeds;
  const int* types;
};

RENDER_FN void build_one(const BuildJob& job, int64_t index) {
  build_scene(job.scenes[index], static_cast<uint32_t>(job.seeds[index]), job.types[index]);
}

#ifdef __CUDACC__
template <class Job, void (*Do)(const Job&, int64_t)>
__global__ void kernel(Job job, int64_t count) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (index < count) Do(job, index);
}
template <class Job, void (*Do)(const Job&, int64_t)>
int launch(const Job& job, int64_t count, int threads, void* stream) {
  const auto blocks = static_cast<unsigned>((count + threads - 1) / threads);
  kernel<Job, Do><<<blocks, threads, 0, static_cast<cudaStream_t>(stream)>>>(job, count);
  return static_cast<int>(cudaGetLastError());
}
#else
template <class Job, void (*Do)(const Job&, int64_t)>
int launch(const Job& job, int64_t count, int, void*) {
#pragma omp parallel for schedule(dynamic, 4096)
  for (int64_t index = 0; index < count; ++index) Do(job, index);
  return 0;
}
#endif

}  // namespace render

using namespace render;

extern "C" {

int64_t render_scene_bytes() { return sizeof(Scene); }
int64_t render_sample_bytes() { return sizeof(Sample); }
int render_style_count() { return kStyles; }
int render_type_count() { return kTypes; }

/// types: < 0 draws one of those that are trained on.
int render_build(void* scenes, const int* seeds, const int* types, int count, void* stream) {
  return launch<BuildJob, build_one>({static_cast<Scene*>(scenes), seeds, types}, count, 32, stream);
}

int render_trace(const void* scenes, void* samples, float* colours, float* nearness, float* photo, int count,
                 int height, int width, void* stream) {
  const int64_t pixels = static_cast<int64_t>(count) * height * width;
  auto* const made = static_cast<Sample*>(samples);
  const int failed = launch<TraceJob, trace_one>({static_cast<const Scene*>(scenes), made, colours, height, width},
                                                 4 * pixels, 128, stream);
  if (failed != 0) return failed;
  return launch<ResolveJob, resolve_one>({made, colours, nearness, photo, height, width}, pixels, 128, stream);
}

int render_outline(const void* scenes, const void* samples, const float* range, float* edge, float* open, int count,
                   int height, int width, void* stream) {
  PaintJob job{};
  job.scenes = static_cast<const Scene*>(scenes);
  job.samples = static_cast<const Sample*>(samples);
  job.range = range;
  job.edge = edge;
  job.open = open;
  job.halo = edge;
  job.aura = edge;
  job.height = height;
  job.width = width;
  return launch<PaintJob, outline_one>(job, static_cast<int64_t>(count) * height * width, 128, stream);
}

int render_paint(const void* scenes, const void* samples, const float* range, float* edge, float* open,
                 const float* halo, const float* aura, const float* fine, const float* coarse, const int* styles,
                 float* painted, int count, int height, int width, void* stream) {
  const PaintJob job{static_cast<const Scene*>(scenes),
                     static_cast<const Sample*>(samples),
                     range,
                     edge,
                     open,
                     halo,
                     aura,
                     fine,
                     coarse,
                     styles,
                     painted,
                     height,
                     width};
  return launch<PaintJob, paint_one>(job, static_cast<int64_t>(count) * height * width, 128, stream);
}
}
