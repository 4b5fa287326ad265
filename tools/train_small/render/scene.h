// SPDX-License-Identifier: Apache-2.0
// What a scene is made of. Lengths are metres, y is up, the ground is near y = 0.
#pragma once

#include "vec.h"

namespace render {

constexpr int kMaxPrims = 160;  ///< only types that ask for more than kUsualPrims get them
constexpr int kUsualPrims = 96;
constexpr int kMaxMaterials = 24;

enum Kind : int { kBox, kEllipsoid, kCylinder, kCapsule, kCone, kGable, kLeaves };

/// A solid in its own frame: `axes` are its x, y and z axes in the world. half is the box's half size, the ellipsoid's
/// radii; cylinder, capsule and cone stand along y with radius half.x and half length half.y (the cone's apex is at +y,
/// the capsule's half length is of its segment); the gable's ridge lies along z. Leaves lie on three ellipsoids within
/// one another, `leaf` metres apart.
struct Prim {
  int kind;
  int material;
  int object;
  float leaf;
  Vec centre;
  Vec half;
  Vec axes[3];
};

enum Pattern : int { kPlain, kChecker, kStripes, kBricks, kNoise, kWood, kWindows, kSpots, kPatterns };

struct Material {
  Vec colour;
  Vec second;
  int pattern;
  float scale;
  float gloss;
};

enum Type : int {
  kStreet,
  kPark,
  kRoom,
  kPortrait,
  kPlant,
  kLand,
  kBlocks,
  kPlaza,
  kMedley,
  kFoliage,
  kCrowd,
  kCourt,
  kTypes,
  kTemple = kTypes,  ///< from here on never trained on
  kYard,
  kPlayground
};

struct Scene {
  uint32_t seed;
  int type;
  int count;
  int limit;  ///< of count
  int materials;
  Prim prims[kMaxPrims];
  Material material[kMaxMaterials];
  int ground;  ///< 0 none, 1 plane, 2 terrain
  int ground_material;
  float rough;  ///< the terrain's height
  float wide;   ///< the terrain's wavelength
  bool room;    ///< walls at room_half around room_centre
  Vec room_centre, room_half;
  int wall_material;
  Vec eye, right, up, forward;
  float tangent;  ///< of half the field of view
  Vec sun;        ///< direction to it; in a room, the lamp's place
  Vec sun_colour, ambient, sky_low, sky_high;
  float clouds, fog;
};

/// Adds what scenes have.
struct Builder {
  Scene& scene;
  Random random;
  int object = 0;

  RENDER_FN Prim* add(int kind, int material, Vec centre, Vec half) {
    if (scene.count >= scene.limit) return &scene.prims[scene.limit - 1];
    Prim& prim = scene.prims[scene.count++];
    prim.kind = kind;
    prim.material = material;
    prim.object = object;
    prim.leaf = 1.0F;
    prim.centre = centre;
    prim.half = half;
    prim.axes[0] = {1.0F, 0.0F, 0.0F};
    prim.axes[1] = {0.0F, 1.0F, 0.0F};
    prim.axes[2] = {0.0F, 0.0F, 1.0F};
    return &prim;
  }
  RENDER_FN static void turn(Prim* prim, float yaw) {
    const float c = cosf(yaw);
    const float s = sinf(yaw);
    prim->axes[0] = {c, 0.0F, -s};
    prim->axes[1] = {0.0F, 1.0F, 0.0F};
    prim->axes[2] = {s, 0.0F, c};
  }
  /// Stands `prim` along `axis`.
  RENDER_FN static void along(Prim* prim, Vec axis) {
    const Vec y = normalize(axis);
    const Vec helper = fabsf(y.y) < 0.9F ? Vec{0.0F, 1.0F, 0.0F} : Vec{1.0F, 0.0F, 0.0F};
    const Vec x = normalize(cross(helper, y));
    prim->axes[0] = x;
    prim->axes[1] = y;
    prim->axes[2] = cross(x, y);
  }
  RENDER_FN Prim* box(int material, Vec centre, Vec half, float yaw = 0.0F) {
    Prim* prim = add(kBox, material, centre, half);
    turn(prim, yaw);
    return prim;
  }
  RENDER_FN Prim* ball(int material, Vec centre, Vec radii, float yaw = 0.0F) {
    Prim* prim = add(kEllipsoid, material, centre, radii);
    turn(prim, yaw);
    return prim;
  }
  RENDER_FN Prim* limb(int material, Vec from, Vec to, float radius) {
    const Vec way = to - from;
    Prim* prim = add(kCapsule, material, (from + to) * 0.5F, {radius, 0.5F * sqrtf(dot(way, way)), radius});
    along(prim, way);
    return prim;
  }
  RENDER_FN Prim* post(int material, Vec foot, float radius, float height) {
    return add(kCylinder, material, {foot.x, foot.y + 0.5F * height, foot.z}, {radius, 0.5F * height, radius});
  }
  /// A colour that things have: mostly muted, sometimes strong.
  RENDER_FN Vec colour() {
    const bool strong = random.chance(0.35F);
    const float value = random.range(0.12F, 0.95F);
    return hsv(random.next(), strong ? random.range(0.45F, 0.95F) : random.range(0.0F, 0.35F), value);
  }
  RENDER_FN int material(Vec colour, int pattern, float scale, float gloss) {
    if (scene.materials >= kMaxMaterials) return random.below(kMaxMaterials);
    Material& made = scene.material[scene.materials];
    made = {colour, mix(colour, this->colour(), random.range(0.2F, 1.0F)), pattern, scale, gloss};
    return scene.materials++;
  }
  RENDER_FN int any_material() {
    const int pattern = random.chance(0.45F) ? static_cast<int>(kPlain) : random.below(kPatterns);
    return material(colour(), pattern, random.range(0.4F, 3.0F), random.chance(0.3F) ? random.next() : 0.0F);
  }
  RENDER_FN int plain(Vec colour) { return material(colour, kPlain, 1.0F, 0.1F); }
  RENDER_FN Vec skin() { return mix({0.95F, 0.76F, 0.64F}, {0.33F, 0.2F, 0.13F}, random.next()); }
  RENDER_FN float ground(float x, float z) const;
};

RENDER_FN float terrain_height(const Scene& scene, float x, float z) {
  const float way = x * x + z * z;
  const float calm = 0.15F + 0.85F * way / (way + 80.0F);  // the camera stands on calmer ground
  return scene.rough * calm * (2.0F * fbm(x / scene.wide, z / scene.wide, scene.seed, 4) - 0.95F);
}

RENDER_FN float Builder::ground(float x, float z) const {
  return scene.ground == 2 ? terrain_height(scene, x, z) : 0.0F;
}

}  // namespace render
