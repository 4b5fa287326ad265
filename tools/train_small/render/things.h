// SPDX-License-Identifier: Apache-2.0
// People, animals, trees, houses, furniture: each stands at a foot point and faces `yaw`.
#pragma once

#include "scene.h"

namespace render {

RENDER_FN Vec turned(Vec local, Vec foot, float yaw) {
  const float c = cosf(yaw);
  const float s = sinf(yaw);
  return {foot.x + c * local.x + s * local.z, foot.y + local.y, foot.z - s * local.x + c * local.z};
}

RENDER_FN void person(Builder& b, Vec foot, float height, float yaw) {
  ++b.object;
  const int skin = b.plain(b.skin());
  const int shirt = b.any_material();
  const int trousers = b.material(b.colour(), kPlain, 1.0F, 0.0F);
  const float k = height / 1.75F;
  const float swing = b.random.range(-0.35F, 0.35F);
  const float wide = b.random.range(0.85F, 1.25F);
  const auto at = [&](float x, float y, float z) { return turned({x * k, y * k, z * k}, foot, yaw); };
  for (int side = -1; side <= 1; side += 2) {
    const float s = static_cast<float>(side);
    const Vec knee = at(0.11F * s, 0.48F, 0.5F * swing * s + 0.05F);
    b.limb(trousers, at(0.1F * s, 0.9F, 0.0F), knee, 0.085F * k * wide);
    b.limb(trousers, knee, at(0.12F * s, 0.08F, swing * s), 0.065F * k * wide);
    const float lift = b.random.chance(0.2F) ? b.random.range(0.1F, 0.7F) : 0.0F;
    const Vec elbow = at((0.27F + 0.15F * lift) * s, 1.1F + 0.3F * lift, -0.35F * swing * s);
    b.limb(shirt, at(0.2F * s * wide, 1.4F, 0.0F), elbow, 0.055F * k * wide);
    b.limb(b.random.chance(0.5F) ? shirt : skin, elbow,
           at((0.28F + 0.1F * lift) * s, 0.85F + 0.8F * lift, 0.12F - 0.5F * swing * s), 0.045F * k);
  }
  b.ball(shirt, at(0.0F, 1.18F, 0.0F), {0.2F * k * wide, 0.34F * k, 0.13F * k * wide}, yaw);
  b.ball(trousers, at(0.0F, 0.92F, 0.0F), {0.17F * k * wide, 0.16F * k, 0.13F * k * wide}, yaw);
  b.limb(skin, at(0.0F, 1.42F, 0.0F), at(0.0F, 1.54F, 0.0F), 0.055F * k);
  b.ball(skin, at(0.0F, 1.63F, 0.01F), {0.085F * k, 0.125F * k, 0.1F * k}, yaw);
  b.ball(b.plain(b.colour()), at(0.0F, 1.67F, -0.025F), {0.095F * k, 0.11F * k, 0.105F * k}, yaw);
}

RENDER_FN void animal(Builder& b, Vec foot, float size, float yaw) {
  ++b.object;
  const int fur = b.any_material();
  const float tall = b.random.range(0.6F, 1.4F);
  const auto at = [&](float x, float y, float z) { return turned({x * size, y * size, z * size}, foot, yaw); };
  b.ball(fur, at(0.0F, 0.55F * tall + 0.1F, 0.0F), {0.2F * size, 0.22F * size, 0.5F * size}, yaw);
  for (int leg = 0; leg < 4; ++leg) {
    const float x = (leg % 2 == 0) ? 0.13F : -0.13F;
    const float z = (leg < 2) ? 0.35F : -0.35F;
    b.limb(fur, at(x, 0.5F * tall, z), at(x, 0.06F, z + b.random.range(-0.1F, 0.1F)), 0.06F * size);
  }
  const float neck = b.random.range(0.1F, 0.6F);
  const Vec head = at(0.0F, 0.75F * tall + neck, 0.6F + 0.2F * neck);
  b.limb(fur, at(0.0F, 0.62F * tall + 0.1F, 0.4F), head, 0.1F * size);
  b.ball(fur, head, {0.12F * size, 0.13F * size, 0.2F * size}, yaw);
  for (int side = -1; side <= 1; side += 2) {
    b.limb(fur, head, at(0.1F * static_cast<float>(side), 0.95F * tall + neck, 0.52F), 0.035F * size);
  }
  b.limb(fur, at(0.0F, 0.65F * tall, -0.45F), at(0.0F, 0.5F * tall + b.random.range(-0.2F, 0.5F), -0.85F),
         0.04F * size);
}

RENDER_FN void tree(Builder& b, Vec foot, float height) {
  ++b.object;
  const int bark = b.material(hsv(b.random.range(0.05F, 0.1F), 0.4F, b.random.range(0.15F, 0.5F)), kWood, 3.0F, 0.0F);
  const Vec green = hsv(b.random.range(0.1F, 0.4F), b.random.range(0.3F, 0.8F), b.random.range(0.15F, 0.6F));
  const int leaves = b.material(green, kNoise, b.random.range(3.0F, 12.0F), 0.0F);
  const float lean = b.random.range(-0.1F, 0.1F) * height;
  const Vec top = foot + Vec{lean, 0.75F * height, 0.5F * lean};
  b.limb(bark, foot - Vec{0.0F, 0.2F, 0.0F}, top, 0.035F * height);
  if (b.random.chance(0.3F)) {
    for (int i = 0; i < 3; ++i) {
      const float y = height * (0.45F + 0.22F * static_cast<float>(i));
      const float r = height * (0.3F - 0.07F * static_cast<float>(i));
      b.add(kCone, leaves, {foot.x, foot.y + y, foot.z}, {r, 0.2F * height, r});
    }
    return;
  }
  const bool bare = b.random.chance(0.2F);
  const int parts = 4 + b.random.below(4);
  for (int i = 0; i < parts; ++i) {
    const float turn = b.random.range(0.0F, 6.28F);
    const float reach = b.random.range(0.08F, 0.3F) * height;
    const Vec at = top + Vec{reach * cosf(turn), b.random.range(-0.2F, 0.25F) * height, reach * sinf(turn)};
    if (bare || b.random.chance(0.3F))
      b.limb(bark, foot + (top - foot) * b.random.range(0.4F, 0.9F), at, 0.015F * height);
    const float r = b.random.range(0.1F, 0.24F) * height;
    if (!bare) b.ball(leaves, at, {r, r * b.random.range(0.6F, 1.0F), r});
  }
}

RENDER_FN void house(Builder& b, Vec foot, Vec half, float yaw) {
  ++b.object;
  const int pattern = b.random.chance(0.75F) ? kWindows : kBricks;
  const int wall = b.material(b.colour(), pattern, b.random.range(0.5F, 1.4F), 0.0F);
  b.box(wall, foot + Vec{0.0F, half.y, 0.0F}, half, yaw);
  const int roof = b.any_material();
  if (b.random.chance(0.5F)) {
    const float rise = b.random.range(0.2F, 0.6F) * half.x;
    Prim* gable =
        b.add(kGable, roof, foot + Vec{0.0F, 2.0F * half.y + rise, 0.0F}, {half.x * 1.1F, rise, half.z * 1.05F});
    Builder::turn(gable, yaw);
  } else {
    b.box(roof, foot + Vec{0.0F, 2.0F * half.y, 0.0F}, {half.x * 1.06F, 0.15F, half.z * 1.06F}, yaw);
  }
  if (b.random.chance(0.5F)) {
    b.box(roof, turned({0.4F * half.x, 2.0F * half.y + 0.6F, 0.0F}, foot, yaw), {0.3F, 0.9F, 0.3F}, yaw);
  }
  if (b.random.chance(0.6F)) {
    b.box(b.any_material(), turned({b.random.range(-0.5F, 0.5F) * half.x, 1.05F, half.z}, foot, yaw),
          {0.55F, 1.05F, 0.12F}, yaw);
  }
}

RENDER_FN void car(Builder& b, Vec foot, float yaw) {
  ++b.object;
  const int paint = b.material(b.colour(), kPlain, 1.0F, 0.8F);
  const int glass = b.material({0.08F, 0.1F, 0.13F}, kPlain, 1.0F, 1.0F);
  const int tyre = b.plain({0.05F, 0.05F, 0.05F});
  const float tall = b.random.range(1.0F, 1.6F);
  const auto at = [&](float x, float y, float z) { return turned({x, y, z}, foot, yaw); };
  b.box(paint, at(0.0F, 0.6F, 0.0F), {0.85F, 0.3F, 2.1F}, yaw);
  b.box(glass, at(0.0F, 0.85F + 0.22F * tall, -0.2F), {0.72F, 0.25F * tall, 1.1F}, yaw);
  b.box(paint, at(0.0F, 0.87F + 0.47F * tall, -0.25F), {0.73F, 0.04F, 1.0F}, yaw);
  for (int wheel = 0; wheel < 4; ++wheel) {
    const float x = (wheel % 2 == 0) ? 0.8F : -0.8F;
    Prim* prim = b.add(kCylinder, tyre, at(x, 0.33F, (wheel < 2) ? 1.3F : -1.3F), {0.33F, 0.12F, 0.33F});
    Builder::along(prim, turned({1.0F, 0.0F, 0.0F}, {}, yaw));
  }
}

RENDER_FN void table(Builder& b, Vec foot, Vec half, float yaw) {
  ++b.object;
  const int wood = b.material(b.colour(), b.random.chance(0.6F) ? kWood : kPlain, 2.0F, 0.4F);
  const float top = 2.0F * half.y;
  b.box(wood, foot + Vec{0.0F, top, 0.0F}, {half.x, 0.03F, half.z}, yaw);
  for (int leg = 0; leg < 4; ++leg) {
    const float x = ((leg % 2 == 0) ? 0.9F : -0.9F) * half.x;
    const float z = ((leg < 2) ? 0.9F : -0.9F) * half.z;
    b.box(wood, turned({x, half.y, z}, foot, yaw), {0.04F, half.y, 0.04F}, yaw);
  }
}

RENDER_FN void chair(Builder& b, Vec foot, float yaw) {
  table(b, foot, {0.23F, 0.23F, 0.23F}, yaw);
  --b.object;
  b.box(b.any_material(), turned({0.0F, 0.75F, -0.22F}, foot, yaw), {0.23F, 0.28F, 0.025F}, yaw);
}

RENDER_FN void sofa(Builder& b, Vec foot, float yaw) {
  ++b.object;
  const int cloth = b.any_material();
  const float w = b.random.range(0.5F, 1.1F);
  b.box(cloth, turned({0.0F, 0.22F, 0.0F}, foot, yaw), {w, 0.22F, 0.42F}, yaw);
  b.box(cloth, turned({0.0F, 0.5F, -0.38F}, foot, yaw), {w, 0.42F, 0.12F}, yaw);
  for (int side = -1; side <= 1; side += 2) {
    b.box(cloth, turned({w * static_cast<float>(side), 0.32F, 0.0F}, foot, yaw), {0.1F, 0.32F, 0.44F}, yaw);
  }
}

/// Long leaves from one place, as an aloe's.
RENDER_FN void rosette(Builder& b, Vec foot, float size) {
  ++b.object;
  const int pot = b.any_material();
  b.post(pot, foot, 0.3F * size, 0.4F * size);
  const Vec green = hsv(b.random.range(0.2F, 0.42F), b.random.range(0.2F, 0.7F), b.random.range(0.25F, 0.75F));
  const int leaf = b.material(green, b.random.chance(0.5F) ? kStripes : kSpots, 3.0F / size, 0.3F);
  const int leaves = 10 + b.random.below(12);
  const float thick = b.random.range(0.03F, 0.08F) * size;
  for (int i = 0; i < leaves; ++i) {
    const float turn = b.random.range(0.0F, 6.28F);
    const float lean = b.random.range(0.15F, 1.15F);
    const float length = size * b.random.range(0.35F, 0.75F);
    const Vec way{sinf(lean) * cosf(turn), cosf(lean), sinf(lean) * sinf(turn)};
    Prim* prim = b.add(kEllipsoid, leaf, foot + Vec{0.0F, 0.4F * size, 0.0F} + way * length * 0.8F,
                       {thick * 1.6F, length, thick});
    Builder::along(prim, way);
  }
}

/// Head and shoulders.
RENDER_FN void bust(Builder& b, Vec neck, float size, float yaw) {
  ++b.object;
  const int skin = b.plain(b.skin());
  const int hair =
      b.material(hsv(b.random.range(0.02F, 0.12F), 0.5F, b.random.range(0.03F, 0.6F)), kStripes, 14.0F, 0.2F);
  const int cloth = b.any_material();
  const float jaw = b.random.range(0.8F, 1.1F);
  const auto at = [&](float x, float y, float z) { return turned({x * size, y * size, z * size}, neck, yaw); };
  const auto scaled = [&](float x, float y, float z) { return Vec{x * size, y * size, z * size}; };
  b.limb(skin, at(0.0F, -0.05F, -0.01F), at(0.0F, 0.12F, 0.0F), 0.055F * size);
  b.ball(skin, at(0.0F, 0.22F, 0.01F), scaled(0.078F, 0.105F, 0.095F), yaw);
  b.ball(skin, at(0.0F, 0.155F, 0.025F), scaled(0.06F * jaw, 0.075F, 0.07F), yaw);
  b.ball(skin, at(0.0F, 0.195F, 0.1F), scaled(0.014F, 0.026F, 0.022F), yaw);
  b.ball(skin, at(0.0F, 0.245F, 0.085F), scaled(0.05F, 0.012F, 0.02F), yaw);
  for (int side = -1; side <= 1; side += 2) {
    const float s = static_cast<float>(side);
    b.ball(b.plain({0.9F, 0.9F, 0.9F}), at(0.03F * s, 0.222F, 0.083F), scaled(0.014F, 0.009F, 0.012F), yaw);
    b.ball(b.plain(b.colour() * 0.3F), at(0.03F * s, 0.222F, 0.092F), scaled(0.006F, 0.006F, 0.005F), yaw);
    b.ball(skin, at(0.08F * s, 0.2F, 0.0F), scaled(0.012F, 0.03F, 0.02F), yaw);
  }
  b.ball(b.plain(mix(b.skin(), {0.7F, 0.2F, 0.2F}, 0.5F)), at(0.0F, 0.145F, 0.088F), scaled(0.024F, 0.008F, 0.012F),
         yaw);
  if (b.random.chance(0.9F)) b.ball(hair, at(0.0F, 0.255F, -0.015F), scaled(0.088F, 0.09F, 0.098F), yaw);
  if (b.random.chance(0.4F)) b.ball(hair, at(0.0F, 0.17F, -0.05F), scaled(0.095F, 0.15F, 0.07F), yaw);
  if (b.random.chance(0.25F)) b.add(kCylinder, b.any_material(), at(0.0F, 0.33F, 0.0F), scaled(0.1F, 0.035F, 0.1F));
  const float broad = b.random.range(0.16F, 0.24F);
  b.limb(cloth, at(-broad, -0.16F, -0.02F), at(broad, -0.16F, -0.02F), 0.085F * size);
  b.ball(cloth, at(0.0F, -0.3F, -0.01F), scaled(broad + 0.04F, 0.25F, 0.13F), yaw);
  for (int side = -1; side <= 1; side += 2) {
    const float s = static_cast<float>(side);
    b.limb(cloth, at((broad + 0.02F) * s, -0.17F, -0.02F), at((broad + 0.07F) * s, -0.5F, b.random.range(-0.05F, 0.1F)),
           0.06F * size);
  }
}

}  // namespace render
