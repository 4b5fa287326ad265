// SPDX-License-Identifier: Apache-2.0
// Rays against scenes.
#pragma once

#include "scene.h"

namespace render {

constexpr float kFar = 1e9F;

struct Hit {
  float t = kFar;
  Vec normal{};
  Vec local{};  ///< where on the thing, for its pattern; metres
  int material = -1;
  int object = -1;  ///< -1 sky, -2 ground, -3 and below walls
};

struct Near {
  float t;
  Vec normal;  ///< in the solid's frame
};

RENDER_FN bool in_front(float t, float limit) { return t > 1e-3F && t < limit; }

RENDER_FN bool slab(float o, float d, float half, float& enter, float& leave, float& side, int axis, int& which) {
  const float inverse = 1.0F / (fabsf(d) > 1e-9F ? d : 1e-9F);
  const float a = (-half - o) * inverse;
  const float b = (half - o) * inverse;
  const float low = a < b ? a : b;
  const float high = a < b ? b : a;
  if (low > enter) {
    enter = low;
    which = axis;
    side = inverse > 0.0F ? -1.0F : 1.0F;
  }
  if (high < leave) leave = high;
  return enter <= leave;
}

RENDER_FN bool hit_box(Vec o, Vec d, Vec half, Near& near) {
  float enter = -kFar;
  float leave = kFar;
  float side = 1.0F;
  int which = 0;
  if (!slab(o.x, d.x, half.x, enter, leave, side, 0, which)) return false;
  if (!slab(o.y, d.y, half.y, enter, leave, side, 1, which)) return false;
  if (!slab(o.z, d.z, half.z, enter, leave, side, 2, which)) return false;
  if (!in_front(enter, near.t)) return false;
  near.t = enter;
  near.normal = {which == 0 ? side : 0.0F, which == 1 ? side : 0.0F, which == 2 ? side : 0.0F};
  return true;
}

RENDER_FN bool hit_ellipsoid(Vec o, Vec d, Vec radii, Near& near) {
  const Vec inverse{1.0F / radii.x, 1.0F / radii.y, 1.0F / radii.z};
  const Vec so = o * inverse;
  const Vec sd = d * inverse;
  const float a = dot(sd, sd);
  const float half_b = dot(so, sd);
  const float inside = half_b * half_b - a * (dot(so, so) - 1.0F);
  if (inside < 0.0F) return false;
  const float t = (-half_b - sqrtf(inside)) / a;
  if (!in_front(t, near.t)) return false;
  near.t = t;
  near.normal = normalize((so + sd * t) * inverse);
  return true;
}

/// The side of a cylinder around y, between -half.y and half.y.
RENDER_FN bool hit_side(Vec o, Vec d, Vec half, Near& near) {
  const float a = d.x * d.x + d.z * d.z;
  const float half_b = o.x * d.x + o.z * d.z;
  const float inside = half_b * half_b - a * (o.x * o.x + o.z * o.z - half.x * half.x);
  if (inside < 0.0F || a < 1e-12F) return false;
  const float t = (-half_b - sqrtf(inside)) / a;
  const float y = o.y + t * d.y;
  if (!in_front(t, near.t) || fabsf(y) > half.y) return false;
  near.t = t;
  near.normal = normalize({o.x + t * d.x, 0.0F, o.z + t * d.z});
  return true;
}

RENDER_FN bool hit_cap(Vec o, Vec d, float y, float radius, Near& near) {
  if (fabsf(d.y) < 1e-9F) return false;
  const float t = (y - o.y) / d.y;
  const float x = o.x + t * d.x;
  const float z = o.z + t * d.z;
  if (!in_front(t, near.t) || x * x + z * z > radius * radius) return false;
  near.t = t;
  near.normal = {0.0F, d.y > 0.0F ? -1.0F : 1.0F, 0.0F};
  return true;
}

RENDER_FN bool hit_ends(Vec o, Vec d, Vec half, Near& near) {
  bool any = false;
  for (int side = -1; side <= 1; side += 2) {
    const Vec from{o.x, o.y - static_cast<float>(side) * half.y, o.z};
    any = hit_ellipsoid(from, d, {half.x, half.x, half.x}, near) || any;
  }
  return any;
}

RENDER_FN bool hit_cone(Vec o, Vec d, Vec half, Near& near) {
  const float slope = half.x / (2.0F * half.y);  // radius at y is (half.y - y) * slope
  const float s2 = slope * slope;
  const float h = half.y - o.y;
  const float a = d.x * d.x + d.z * d.z - s2 * d.y * d.y;
  const float half_b = o.x * d.x + o.z * d.z + s2 * h * d.y;
  const float c = o.x * o.x + o.z * o.z - s2 * h * h;
  const float inside = half_b * half_b - a * c;
  bool any = hit_cap(o, d, -half.y, half.x, near);
  if (inside < 0.0F || fabsf(a) < 1e-12F) return any;
  for (int side = -1; side <= 1; side += 2) {
    const float t = (-half_b + static_cast<float>(side) * sqrtf(inside)) / a;
    const float y = o.y + t * d.y;
    if (!in_front(t, near.t) || fabsf(y) > half.y) continue;
    near.t = t;
    near.normal = normalize({o.x + t * d.x, (half.y - y) * s2, o.z + t * d.z});
    any = true;
  }
  return any;
}

RENDER_FN bool clip_plane(Vec o, Vec d, Vec normal, float offset, float& enter, float& leave, Vec& side) {
  const float away = dot(o, normal) - offset;
  const float along = dot(d, normal);
  if (fabsf(along) < 1e-9F) return away <= 0.0F;
  const float t = -away / along;
  if (along < 0.0F && t > enter) {
    enter = t;
    side = normal;
  }
  if (along > 0.0F && t < leave) leave = t;
  return enter <= leave;
}

RENDER_FN bool hit_gable(Vec o, Vec d, Vec half, Near& near) {
  const Vec right = normalize({2.0F * half.y, half.x, 0.0F});
  const float offset = right.y * half.y;
  float enter = -kFar;
  float leave = kFar;
  Vec side{};
  if (!clip_plane(o, d, right, offset, enter, leave, side)) return false;
  if (!clip_plane(o, d, {-right.x, right.y, 0.0F}, offset, enter, leave, side)) return false;
  if (!clip_plane(o, d, {0.0F, -1.0F, 0.0F}, half.y, enter, leave, side)) return false;
  if (!clip_plane(o, d, {0.0F, 0.0F, 1.0F}, half.z, enter, leave, side)) return false;
  if (!clip_plane(o, d, {0.0F, 0.0F, -1.0F}, half.z, enter, leave, side)) return false;
  if (!in_front(enter, near.t)) return false;
  near.t = enter;
  near.normal = side;
  return true;
}

/// Leaves are oblong pieces of three shells, one in most cells of a grid, fewer outside; a ray may pass between them,
/// or be within.
RENDER_FN bool hit_leaves(Vec o, Vec d, Vec radii, float leaf, Near& near) {
  const Vec inverse{1.0F / radii.x, 1.0F / radii.y, 1.0F / radii.z};
  const Vec so = o * inverse;
  const Vec sd = d * inverse;
  const float a = dot(sd, sd);
  const float half_b = dot(so, sd);
  const float c = dot(so, so);
  for (int i = 0; i < 6; ++i) {
    const int shell = i < 3 ? i : 5 - i;
    const float size = 1.0F - 0.2F * static_cast<float>(shell);
    const float inside = half_b * half_b - a * (c - size * size);
    if (inside < 0.0F) continue;
    const float t = (-half_b + (i < 3 ? -1.0F : 1.0F) * sqrtf(inside)) / a;
    if (!in_front(t, near.t)) continue;
    const Vec q = (o + d * t) * (1.0F / leaf);
    const Vec cell{floorf(q.x), floorf(q.y), floorf(q.z)};
    const uint32_t drawn = hash(static_cast<uint32_t>(static_cast<int>(cell.x)) +
                                hash(static_cast<uint32_t>(static_cast<int>(cell.y)) +
                                     hash(static_cast<uint32_t>(static_cast<int>(cell.z) + 977 * shell))));
    Random random{drawn};
    if (random.chance(0.5F - 0.22F * static_cast<float>(shell))) continue;
    const Vec v{q.x - cell.x - random.range(0.3F, 0.7F), q.y - cell.y - random.range(0.3F, 0.7F),
                q.z - cell.z - random.range(0.3F, 0.7F)};
    const Vec tilt{random.range(-1.0F, 1.0F), random.range(-1.0F, 1.0F), random.range(-1.0F, 1.0F)};
    const float along = dot(v, normalize(tilt));
    if (dot(v, v) - 0.6F * along * along > 0.13F) continue;
    near.t = t;
    near.normal = normalize(normalize((so + sd * t) * inverse) + tilt * 0.7F);
    return true;
  }
  return false;
}

RENDER_FN bool hit_prim(const Prim& prim, Vec origin, Vec direction, Near& near) {
  const Vec from = origin - prim.centre;
  const float b = dot(from, direction);
  const float reach2 = dot(prim.half, prim.half) +
                       (prim.kind == kCapsule ? 2.0F * prim.half.x * prim.half.y + prim.half.x * prim.half.x : 0.0F);
  if (dot(from, from) - b * b > reach2) return false;  // passes by the sphere around it
  const Vec o{dot(from, prim.axes[0]), dot(from, prim.axes[1]), dot(from, prim.axes[2])};
  const Vec d{dot(direction, prim.axes[0]), dot(direction, prim.axes[1]), dot(direction, prim.axes[2])};
  switch (prim.kind) {
    case kBox:
      return hit_box(o, d, prim.half, near);
    case kEllipsoid:
      return hit_ellipsoid(o, d, prim.half, near);
    case kCylinder: {
      const bool side = hit_side(o, d, prim.half, near);
      const bool top = hit_cap(o, d, prim.half.y, prim.half.x, near);
      return hit_cap(o, d, -prim.half.y, prim.half.x, near) || side || top;
    }
    case kCapsule: {
      const bool side = hit_side(o, d, prim.half, near);
      return hit_ends(o, d, prim.half, near) || side;
    }
    case kCone:
      return hit_cone(o, d, prim.half, near);
    case kLeaves:
      return hit_leaves(o, d, prim.half, prim.leaf, near);
    default:
      return hit_gable(o, d, prim.half, near);
  }
}

RENDER_FN Vec to_world(const Prim& prim, Vec v) { return prim.axes[0] * v.x + prim.axes[1] * v.y + prim.axes[2] * v.z; }

RENDER_FN void hit_terrain(const Scene& scene, Vec o, Vec d, Hit& hit) {
  float t = 0.0F;
  float step = 0.15F;
  float before = 0.0F;
  for (int i = 0; i < 56; ++i) {
    t += step;
    step *= 1.075F;
    if (t > hit.t) return;
    const Vec at = o + d * t;
    if (d.y > 0.0F && at.y > scene.rough) return;
    const float above = at.y - terrain_height(scene, at.x, at.z);
    if (above < 0.0F) break;
    if (i == 55) return;
    before = t;
  }
  float low = before;
  for (int i = 0; i < 7; ++i) {
    const float middle = 0.5F * (low + t);
    const Vec at = o + d * middle;
    if (at.y < terrain_height(scene, at.x, at.z)) {
      t = middle;
    } else {
      low = middle;
    }
  }
  const Vec at = o + d * t;
  const float e = 0.02F + 0.002F * t;
  const float dx = terrain_height(scene, at.x + e, at.z) - terrain_height(scene, at.x - e, at.z);
  const float dz = terrain_height(scene, at.x, at.z + e) - terrain_height(scene, at.x, at.z - e);
  hit.t = t;
  hit.normal = normalize({-dx, 2.0F * e, -dz});
  hit.local = at;
  hit.material = scene.ground_material;
  hit.object = -2;
}

RENDER_FN void hit_walls(const Scene& scene, Vec o, Vec d, Hit& hit) {
  const Vec from = o - scene.room_centre;
  const float tx =
      ((d.x > 0.0F ? scene.room_half.x : -scene.room_half.x) - from.x) / (fabsf(d.x) > 1e-9F ? d.x : 1e-9F);
  const float ty =
      ((d.y > 0.0F ? scene.room_half.y : -scene.room_half.y) - from.y) / (fabsf(d.y) > 1e-9F ? d.y : 1e-9F);
  const float tz =
      ((d.z > 0.0F ? scene.room_half.z : -scene.room_half.z) - from.z) / (fabsf(d.z) > 1e-9F ? d.z : 1e-9F);
  const float t = fminf(tx, fminf(ty, tz));
  if (t <= 1e-3F || t >= hit.t) return;
  hit.t = t;
  hit.local = o + d * t;
  hit.material = scene.wall_material;
  if (t == tx) {
    hit.normal = {d.x > 0.0F ? -1.0F : 1.0F, 0.0F, 0.0F};
    hit.object = d.x > 0.0F ? -3 : -4;
  } else if (t == ty) {
    hit.normal = {0.0F, d.y > 0.0F ? -1.0F : 1.0F, 0.0F};
    hit.object = d.y > 0.0F ? -5 : -2;
    if (d.y < 0.0F) hit.material = scene.ground_material;
  } else {
    hit.normal = {0.0F, 0.0F, d.z > 0.0F ? -1.0F : 1.0F};
    hit.object = d.z > 0.0F ? -6 : -7;
  }
}

RENDER_FN Hit trace(const Scene& scene, Vec o, Vec d) {
  Hit hit;
  Near near{kFar, {}};
  int found = -1;
  for (int i = 0; i < scene.count; ++i) {
    if (hit_prim(scene.prims[i], o, d, near)) found = i;
  }
  if (found >= 0) {
    const Prim& prim = scene.prims[found];
    const Vec from = o + d * near.t - prim.centre;
    hit.t = near.t;
    hit.normal = to_world(prim, near.normal);
    hit.local = {dot(from, prim.axes[0]), dot(from, prim.axes[1]), dot(from, prim.axes[2])};
    hit.material = prim.material;
    hit.object = prim.object;
  }
  if (scene.room) hit_walls(scene, o, d, hit);
  if (scene.ground == 1 && d.y < -1e-6F) {
    const float t = -o.y / d.y;
    if (in_front(t, hit.t) && t < 400.0F) {
      hit.t = t;
      hit.normal = {0.0F, 1.0F, 0.0F};
      hit.local = o + d * t;
      hit.material = scene.ground_material;
      hit.object = -2;
    }
  }
  if (scene.ground == 2) hit_terrain(scene, o, d, hit);
  if (dot(hit.normal, d) > 0.0F) hit.normal = -hit.normal;
  return hit;
}

/// Whether a solid lies between.
RENDER_FN bool blocked(const Scene& scene, Vec o, Vec d, float limit) {
  Near near{limit, {}};
  for (int i = 0; i < scene.count; ++i) {
    if (hit_prim(scene.prims[i], o, d, near)) return true;
  }
  return false;
}

}  // namespace render
