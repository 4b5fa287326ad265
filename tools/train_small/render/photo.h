// SPDX-License-Identifier: Apache-2.0
// A scene's surfaces and light as a camera sees them.
#pragma once

#include "trace.h"

namespace render {

RENDER_FN float pattern_weight(const Material& material, float u, float v, uint32_t seed) {
  const float s = material.scale;
  switch (material.pattern) {
    case kChecker:
      return (static_cast<int>(floorf(u * s) + floorf(v * s)) & 1) != 0 ? 1.0F : 0.0F;
    case kStripes:
      return smoothstep(0.35F, 0.65F, fabsf(2.0F * fract(u * s * 1.5F) - 1.0F));
    case kBricks: {
      const float row = floorf(v * s * 4.0F);
      const float x = fract(u * s * 1.5F + 0.5F * fract(0.5F * row));
      const float y = fract(v * s * 4.0F);
      const float joint = x < 0.05F || y < 0.12F ? 1.0F : 0.0F;
      return fmaxf(joint, 0.4F * hash2(static_cast<int>(floorf(u * s * 1.5F)), static_cast<int>(row), seed));
    }
    case kNoise:
      return fbm(u * s * 2.0F, v * s * 2.0F, seed, 4);
    case kWood:
      return fract(3.0F * (v * s * 0.3F + fbm(u * s * 0.5F, v * s * 4.0F, seed, 3)));
    case kWindows: {
      const float x = fabsf(fract(u * s * 0.6F) - 0.5F);
      const float y = fabsf(fract(v * s * 0.45F) - 0.45F);
      return x < 0.28F && y < 0.3F ? 1.0F : 0.0F;
    }
    case kSpots:
      return smoothstep(0.62F, 0.7F, value_noise(u * s * 5.0F, v * s * 5.0F, seed));
    default:
      return 0.0F;
  }
}

RENDER_FN Vec albedo(const Scene& scene, const Hit& hit) {
  const Material& material = scene.material[hit.material];
  const bool flat = fabsf(hit.normal.y) > 0.7F;
  const float u = flat ? hit.local.x : hit.local.x + hit.local.z;
  const float v = flat ? hit.local.z : hit.local.y;
  const uint32_t seed = scene.seed + static_cast<uint32_t>(hit.material);
  Vec colour = mix(material.colour, material.second, pattern_weight(material, u, v, seed));
  if (material.pattern == kWindows && !flat) {
    colour = pattern_weight(material, u, v, seed) > 0.5F ? mix(Vec{0.12F, 0.15F, 0.2F}, material.second, 0.3F)
                                                         : material.colour;
  }
  return colour * (0.85F + 0.3F * fbm(u * 3.0F, v * 3.0F, seed + 77U, 3));
}

RENDER_FN Vec sky(const Scene& scene, Vec d) {
  const float height = saturate(d.y);
  Vec colour = mix(scene.sky_low, scene.sky_high, sqrtf(height));
  if (d.y > 0.01F) {
    const float k = 1.5F / (d.y + 0.15F);
    const float cover = fbm(d.x * k, d.z * k, scene.seed + 5U, 5);
    const float cloud = scene.clouds * smoothstep(0.42F, 0.7F, cover);
    colour = mix(colour, Vec{0.95F, 0.95F, 0.96F} * (0.75F + 0.4F * cover), cloud);
  }
  return colour + scene.sun_colour * (0.6F * powf(saturate(dot(d, scene.sun)), 64.0F));
}

RENDER_FN Vec shade(const Scene& scene, Vec o, Vec d, const Hit& hit) {
  const Vec at = o + d * hit.t;
  const Vec colour = albedo(scene, hit);
  Vec way = scene.sun;
  float limit = 300.0F;
  float strength = 1.0F;
  if (scene.room) {
    const Vec to = scene.sun - at;
    limit = sqrtf(dot(to, to));
    way = to * (1.0F / limit);
    strength = 2.2F / (0.6F + 0.35F * limit * limit);
  }
  float direct = saturate(dot(hit.normal, way)) * strength;
  if (direct > 0.0F && blocked(scene, at + hit.normal * 3e-3F, way, limit)) direct = 0.0F;
  const float bounce = scene.room ? 0.35F : 0.55F + 0.45F * hit.normal.y;
  Vec lit = colour * (scene.sun_colour * direct + scene.ambient * bounce);
  const float gloss = scene.material[hit.material].gloss;
  if (gloss > 0.0F) {
    const Vec mirrored = d - hit.normal * (2.0F * dot(d, hit.normal));
    const float shine = powf(saturate(dot(mirrored, way)), 8.0F + 60.0F * gloss);
    const Vec around = scene.room ? scene.ambient : sky(scene, mirrored);
    lit = lit + scene.sun_colour * (gloss * shine * (direct > 0.0F ? 1.0F : 0.0F)) + around * (0.15F * gloss);
  }
  if (scene.fog > 0.0F && !scene.room) lit = mix(scene.sky_low, lit, expf(-scene.fog * hit.t));
  return lit;
}

}  // namespace render
