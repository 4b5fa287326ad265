// SPDX-License-Identifier: Apache-2.0
// Vectors, hashes and value noise, for a GPU (nvcc) and a CPU (g++) alike.
#pragma once

#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define RENDER_FN __host__ __device__ inline
#else
#define RENDER_FN inline
#endif

namespace render {

struct Vec {
  float x = 0.0F, y = 0.0F, z = 0.0F;
};

RENDER_FN Vec operator+(Vec a, Vec b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
RENDER_FN Vec operator-(Vec a, Vec b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
RENDER_FN Vec operator-(Vec a) { return {-a.x, -a.y, -a.z}; }
RENDER_FN Vec operator*(Vec a, Vec b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
RENDER_FN Vec operator*(Vec a, float s) { return {a.x * s, a.y * s, a.z * s}; }
RENDER_FN Vec operator*(float s, Vec a) { return a * s; }
RENDER_FN float dot(Vec a, Vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
RENDER_FN Vec cross(Vec a, Vec b) { return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }
RENDER_FN Vec normalize(Vec a) { return a * (1.0F / sqrtf(dot(a, a) + 1e-20F)); }
RENDER_FN float clamp(float x, float low, float high) { return x < low ? low : (x > high ? high : x); }
RENDER_FN float saturate(float x) { return clamp(x, 0.0F, 1.0F); }
RENDER_FN float mix(float a, float b, float t) { return a + (b - a) * t; }
RENDER_FN Vec mix(Vec a, Vec b, float t) { return a + (b - a) * t; }
RENDER_FN float smoothstep(float a, float b, float x) {
  const float t = saturate((x - a) / (b - a));
  return t * t * (3.0F - 2.0F * t);
}
RENDER_FN float fract(float x) { return x - floorf(x); }
RENDER_FN float luminance(Vec c) { return 0.3F * c.x + 0.59F * c.y + 0.11F * c.z; }

/// Hue in turns, saturation and value to RGB.
RENDER_FN Vec hsv(float hue, float saturation, float value) {
  const float h = fract(hue) * 6.0F;
  const Vec rgb{saturate(fabsf(h - 3.0F) - 1.0F), saturate(2.0F - fabsf(h - 2.0F)), saturate(2.0F - fabsf(h - 4.0F))};
  return mix(Vec{1.0F, 1.0F, 1.0F}, rgb, saturation) * value;
}

/// PCG's output permutation as a hash (Jarzynski and Olano 2020).
RENDER_FN uint32_t hash(uint32_t x) {
  x = x * 747796405U + 2891336453U;
  x = ((x >> ((x >> 28U) + 4U)) ^ x) * 277803737U;
  return (x >> 22U) ^ x;
}
RENDER_FN float unit(uint32_t x) { return static_cast<float>(x >> 8U) * (1.0F / 16777216.0F); }
RENDER_FN float hash2(int x, int y, uint32_t seed) {
  return unit(hash(static_cast<uint32_t>(x) + hash(static_cast<uint32_t>(y) + hash(seed))));
}

/// One scene's draws, in order.
struct Random {
  uint32_t state;
  RENDER_FN float next() {
    state = hash(state);
    return unit(state);
  }
  RENDER_FN float range(float low, float high) { return low + (high - low) * next(); }
  RENDER_FN int below(int count) {
    const int drawn = static_cast<int>(next() * static_cast<float>(count));
    return drawn < count ? drawn : count - 1;
  }
  RENDER_FN bool chance(float probability) { return next() < probability; }
};

/// Smooth value noise in 0..1.
RENDER_FN float value_noise(float x, float y, uint32_t seed) {
  const float fx = floorf(x);
  const float fy = floorf(y);
  const int ix = static_cast<int>(fx);
  const int iy = static_cast<int>(fy);
  const float u = smoothstep(0.0F, 1.0F, x - fx);
  const float v = smoothstep(0.0F, 1.0F, y - fy);
  return mix(mix(hash2(ix, iy, seed), hash2(ix + 1, iy, seed), u),
             mix(hash2(ix, iy + 1, seed), hash2(ix + 1, iy + 1, seed), u), v);
}
RENDER_FN float fbm(float x, float y, uint32_t seed, int octaves) {
  float sum = 0.0F;
  float gain = 0.5F;
  for (int i = 0; i < octaves; ++i) {
    sum += gain * value_noise(x, y, seed + static_cast<uint32_t>(i));
    gain *= 0.5F;
    x = x * 2.03F + 17.1F;
    y = y * 2.03F - 9.7F;
  }
  return sum;
}

}  // namespace render
