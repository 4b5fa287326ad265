// SPDX-License-Identifier: Apache-2.0
// Scenes for what real footage shows and the others lack: foliage that fills the picture, many small people seen from
// above, and places with walls, fences, rows of columns, arches and steps.
#pragma once

#include "staging.h"

namespace render {

RENDER_FN Prim* leaves(Builder& b, int material, Vec centre, Vec radii, float leaf) {
  Prim* prim = b.ball(material, centre, radii, b.random.range(0.0F, 6.28F));
  prim->kind = kLeaves;
  prim->leaf = leaf;
  return prim;
}

RENDER_FN int green(Builder& b) {
  const Vec colour = hsv(b.random.chance(0.15F) ? b.random.range(0.02F, 0.14F) : b.random.range(0.16F, 0.4F),
                         b.random.range(0.2F, 0.8F), b.random.range(0.15F, 0.8F));
  return b.material(colour, b.random.chance(0.5F) ? kNoise : kPlain, b.random.range(2.0F, 9.0F), 0.0F);
}

/// Twigs from `fork` outwards, each with leaves at its end.
RENDER_FN void crown(Builder& b, Vec fork, float reach, int parts, float leaf, bool bare) {
  const int bark = b.material(hsv(b.random.range(0.05F, 0.1F), 0.35F, b.random.range(0.05F, 0.45F)), kWood, 3.0F, 0.0F);
  const int first = green(b);
  const int second = b.random.chance(0.5F) ? green(b) : first;
  const float flat = b.random.range(0.5F, 1.0F);
  const float twigs = b.random.range(0.2F, 1.0F);
  for (int i = 0; i < parts; ++i) {
    const float turn = b.random.range(0.0F, 6.28F);
    const float out = reach * sqrtf(b.random.next());
    const Vec at = fork + Vec{out * cosf(turn), reach * b.random.range(-0.35F, 0.9F), out * sinf(turn) * 0.7F};
    const float r = reach * b.random.range(0.22F, 0.55F);
    if (b.random.chance(twigs)) b.limb(bark, fork, at, reach * b.random.range(0.008F, 0.03F));
    if (b.random.chance(0.5F * twigs))
      b.limb(bark, fork + (at - fork) * 0.6F, at + Vec{b.random.range(-r, r), b.random.range(0.0F, r), 0.0F},
             reach * b.random.range(0.006F, 0.016F));
    if (!bare)
      leaves(b, b.random.chance(0.6F) ? first : second, at, {r, r * flat, r}, leaf * b.random.range(0.8F, 1.3F));
  }
}

RENDER_FN void bright_sky(Builder& b) {
  const float more = b.random.range(1.2F, 4.0F);
  b.scene.sky_high = mix(b.scene.sky_high, {0.8F, 0.82F, 0.85F}, 0.7F) * more;
  b.scene.sky_low = b.scene.sky_low * more;
  b.scene.clouds = 0.0F;
}

/// A tree's crown, a hedge, or branches right before the camera, with sky, ground or walls behind, or nothing but
/// leaves.
RENDER_FN void foliage(Builder& b) {
  if (b.random.chance(0.45F)) bright_sky(b);
  b.scene.ambient = b.scene.ambient * b.random.range(1.0F, 2.5F);  // leaves let light through
  const bool floor = b.random.chance(0.75F);
  if (floor) lay_ground(b, b.random.chance(0.5F));
  const int kind = b.random.below(5);
  const float away = b.random.range(2.0F, 9.0F);
  const float tangent = b.random.range(0.35F, 0.8F);
  const float seen = away * tangent;  // half of what the camera sees there
  const float eye = b.random.range(1.0F, 2.2F);
  const float leaf = seen * b.random.range(0.04F, 0.15F);
  float tilt = b.random.range(-0.1F, 0.6F);
  ++b.object;
  if (kind <= 2) {  // one tree, nearly as large as the picture or larger
    const Vec fork{b.random.range(-0.5F, 0.5F) * seen, eye + seen * b.random.range(0.0F, 0.6F), -away};
    const int bark = b.material(hsv(0.08F, 0.4F, b.random.range(0.1F, 0.4F)), kWood, 3.0F, 0.0F);
    b.limb(bark, {fork.x + b.random.range(-0.2F, 0.2F) * seen, -1.0F, -away}, fork,
           seen * b.random.range(0.03F, 0.12F));
    crown(b, fork, seen * b.random.range(0.7F, 1.6F), 10 + b.random.below(22), leaf, b.random.chance(0.1F));
  } else if (kind == 3) {  // a wall of leaves, or several
    const int walls = 1 + b.random.below(3);
    for (int layer = 0; layer < walls; ++layer) {
      const float z = -away * (1.0F + 0.7F * static_cast<float>(layer));
      const int colour = green(b);
      const float top = b.random.range(0.3F, 2.2F) * seen + (layer > 0 ? seen : 0.0F);
      const int count = 7 + b.random.below(9);
      for (int i = 0; i < count; ++i) {
        const float r = seen * b.random.range(0.25F, 0.6F);
        const Vec at{b.random.range(-1.4F, 1.4F) * seen * -z / away, fmaxf(top - r, 0.0F) * b.random.next(), z};
        leaves(b, colour, at, {r, r * b.random.range(0.6F, 1.2F), r}, leaf);
      }
      ++b.object;
    }
    tilt = b.random.range(-0.35F, 0.3F);
  } else {  // branches that hang or stand across the picture, and trees farther away
    const int bark = b.material(hsv(0.08F, 0.4F, b.random.range(0.08F, 0.4F)), kWood, 3.0F, 0.0F);
    const int colour = green(b);
    const int branches = 2 + b.random.below(4);
    for (int i = 0; i < branches; ++i) {
      const float z = -away * b.random.range(0.4F, 1.2F);
      const float s = b.random.chance(0.5F) ? 1.0F : -1.0F;
      const Vec from{1.3F * s * seen, eye + seen * b.random.range(-0.3F, 1.2F), z};
      const Vec to{-seen * s * b.random.range(-0.3F, 0.9F), eye + seen * b.random.range(-0.4F, 1.2F), z};
      b.limb(bark, from, to, seen * b.random.range(0.01F, 0.06F));
      const int tufts = 3 + b.random.below(5);
      for (int k = 0; k < tufts; ++k) {
        const float r = seen * b.random.range(0.08F, 0.3F);
        leaves(b, colour, from + (to - from) * b.random.range(0.2F, 1.05F) + Vec{0.0F, b.random.range(-r, r), 0.0F},
               {r, r * 0.7F, r}, leaf);
      }
      ++b.object;
    }
    if (b.random.chance(0.6F)) {
      const float height = b.random.range(4.0F, 9.0F);
      crown(b, {b.random.range(-8.0F, 8.0F), 0.6F * height, -away - b.random.range(6.0F, 20.0F)}, 0.5F * height, 9,
            0.3F, false);
    }
  }
  ++b.object;
  if (b.random.chance(0.35F))  // a pillar or a window's frame at the side
    b.box(b.any_material(), {(b.random.chance(0.5F) ? 1.0F : -1.0F) * 0.4F * seen, eye, -0.45F * away},
          {seen * b.random.range(0.02F, 0.1F), 3.0F * away, seen * 0.05F}, b.random.range(-0.3F, 0.3F));
  if (b.random.chance(0.4F))
    house(b, {b.random.range(-6.0F, 6.0F), 0.0F, -away - b.random.range(6.0F, 20.0F)},
          {b.random.range(2.0F, 6.0F), b.random.range(2.0F, 6.0F), 3.0F}, b.random.range(-0.6F, 0.6F));
  if (b.random.chance(0.3F)) person(b, place(b, 2.0F, 1.5F * away, 0.5F), 1.75F, b.random.range(0.0F, 6.28F));
  look(b.scene, b.random, {0.0F, eye + b.ground(0.0F, 0.0F), 0.0F},
       {b.random.range(-0.15F, 0.15F), eye + b.ground(0.0F, 0.0F) + tilt * (floor ? 0.8F : 1.0F), -1.0F}, tangent);
}

/// A person of a few solids, for where it is a few pixels.
RENDER_FN void small_person(Builder& b, Vec foot, float height, float yaw) {
  ++b.object;
  const bool dark = b.random.chance(0.6F);
  const int shirt = b.plain(b.colour() * (dark ? 0.4F : 1.0F));
  const int trousers = b.random.chance(0.3F) ? shirt : b.plain(b.colour() * (dark ? 0.3F : 0.8F));
  const float k = height / 1.75F;
  const float swing = b.random.range(-0.35F, 0.35F);
  const float wide = b.random.range(0.85F, 1.35F);
  const auto at = [&](float x, float y, float z) { return turned({x * k, y * k, z * k}, foot, yaw); };
  for (int side = -1; side <= 1; side += 2) {
    const float s = static_cast<float>(side);
    b.limb(trousers, at(0.09F * s, 0.9F, 0.0F), at(0.11F * s, 0.08F, swing * s), 0.085F * k * wide);
    if (b.random.chance(0.6F))
      b.limb(shirt, at(0.21F * s * wide, 1.38F, 0.0F), at(0.29F * s, 0.85F, -0.6F * swing * s), 0.055F * k * wide);
  }
  b.ball(shirt, at(0.0F, 1.15F, 0.0F), {0.22F * k * wide, 0.38F * k, 0.15F * k * wide}, yaw);
  b.ball(b.random.chance(0.5F) ? trousers : b.plain(b.skin()), at(0.0F, 1.64F, 0.0F), {0.1F * k, 0.14F * k, 0.11F * k});
}

RENDER_FN void tripod(Builder& b, Vec foot) {
  ++b.object;
  const int metal = b.plain(b.colour() * 0.4F);
  const Vec top = foot + Vec{0.0F, b.random.range(1.0F, 1.6F), 0.0F};
  for (int leg = 0; leg < 3; ++leg) {
    const float turn = 2.09F * static_cast<float>(leg) + 0.4F;
    b.limb(metal, foot + Vec{0.4F * cosf(turn), 0.0F, 0.4F * sinf(turn)}, top, 0.025F);
  }
  b.box(metal, top, {0.12F, 0.1F, 0.15F}, b.random.range(0.0F, 3.0F));
}

/// People on a plain, small, as a camera on a roof or a mast sees them, with lawns, kerbs, lamps and cars.
RENDER_FN void from_above(Builder& b) {
  lay_ground(b, b.random.chance(0.1F));
  b.scene.rough = fminf(b.scene.rough, 0.5F);
  const float eye = b.random.range(3.5F, 13.0F);
  const float pitch = b.random.range(0.18F, 0.95F);
  const float middle = eye / pitch;  // how far the picture's middle is
  const float tangent = b.random.range(0.25F, 0.6F);
  const float near = fmaxf(0.45F * middle, 3.0F);
  const float far = fminf(2.2F * middle, 45.0F);
  const auto spot = [&](float share) { return place(b, near, near + share * (far - near), 0.9F * tangent); };
  const int flats = b.random.below(5);
  for (int i = 0; i < flats; ++i) {
    ++b.object;
    const float tall = b.random.chance(0.6F) ? 0.01F : b.random.range(0.02F, 0.3F);
    b.box(b.any_material(), spot(1.0F) + Vec{0.0F, tall, 0.0F},
          {middle * b.random.range(0.1F, 0.7F), tall, middle * b.random.range(0.03F, 0.4F)},
          b.random.range(0.0F, 3.1F));
  }
  for (int i = 0; i < 2; ++i) {
    if (b.random.chance(0.5F)) continue;
    ++b.object;  // a kerb or a low wall
    b.box(b.any_material(), spot(1.0F), {middle, b.random.range(0.05F, 0.6F), 0.12F}, b.random.range(-0.8F, 0.8F));
  }
  if (pitch < 0.5F) {
    const int houses = b.random.below(4);
    for (int i = 0; i < houses; ++i)
      house(b, place(b, far, 1.6F * far, 0.9F * tangent),
            {b.random.range(3.0F, 10.0F), b.random.range(1.5F, 6.0F), b.random.range(2.0F, 6.0F)},
            b.random.range(-0.5F, 0.5F));
  }
  const int cars = b.random.below(3);
  for (int i = 0; i < cars; ++i) car(b, spot(1.2F), b.random.range(0.0F, 6.28F));
  if (b.random.chance(0.4F)) tree(b, spot(1.0F), b.random.range(2.0F, 6.0F));
  if (b.random.chance(0.3F)) tripod(b, spot(0.5F));
  const int posts = b.random.below(4);
  for (int i = 0; i < posts; ++i) {
    ++b.object;
    const float tall = b.random.range(0.6F, 6.0F);
    const Vec foot = spot(1.0F);
    b.post(b.any_material(), foot, b.random.range(0.05F, 0.12F), tall);
    if (b.random.chance(0.4F)) b.ball(b.any_material(), foot + Vec{0.0F, tall, 0.0F}, {0.25F, 0.2F, 0.25F});
  }
  const int people = 3 + b.random.below(14);
  const bool together = b.random.chance(0.3F);
  const Vec centre = spot(0.8F);
  for (int i = 0; i < people; ++i) {
    Vec foot = spot(1.0F);
    if (together && b.random.chance(0.7F))
      foot = centre + Vec{b.random.range(-0.25F, 0.25F) * middle, 0.0F, b.random.range(-0.2F, 0.2F) * middle};
    foot.y = b.ground(foot.x, foot.z);
    small_person(b, foot, b.random.range(1.2F, 1.95F), b.random.range(0.0F, 6.28F));
  }
  look(b.scene, b.random, {0.0F, eye, 0.0F}, {b.random.range(-0.15F, 0.15F) * middle, 0.0F, -middle}, tangent);
}

/// A row of upright things between two places, with rails, a beam or nothing across.
RENDER_FN void row(Builder& b, Vec foot, float yaw, int count, float gap, Vec half, bool round, int rails) {
  ++b.object;
  const int own = b.any_material();
  const bool motley = b.random.chance(0.25F);
  const bool broken = b.random.chance(0.25F);
  const float middle = 0.5F * gap * static_cast<float>(count - 1);
  for (int i = 0; i < count; ++i) {
    if (broken && b.random.chance(0.2F)) continue;
    const float tall = broken && b.random.chance(0.3F) ? half.y * b.random.range(0.3F, 1.0F) : half.y;
    const Vec at = turned({gap * static_cast<float>(i) - middle, tall, 0.0F}, foot, yaw);
    const int material = motley ? b.any_material() : own;
    Prim* prim = b.add(round ? kCylinder : kBox, material, at, {half.x, tall, round ? half.x : half.z});
    Builder::turn(prim, yaw);
  }
  const int other = b.random.chance(0.5F) ? own : b.any_material();
  for (int i = 0; i < rails; ++i) {
    const float y =
        2.0F * half.y * (rails == 1 ? 1.0F : 0.3F + 0.6F * static_cast<float>(i) / static_cast<float>(rails));
    b.box(other, turned({0.0F, y, 0.0F}, foot, yaw), {middle + half.x, fmaxf(0.06F * half.y, 0.02F), 1.1F * half.z},
          yaw);
  }
}

/// Round openings side by side in a wall: piers, and above them half rings of short limbs.
RENDER_FN void arcade(Builder& b, Vec foot, float yaw, int count, float gap, float spring) {
  ++b.object;
  const int stone = b.any_material();
  const float thick = gap * b.random.range(0.06F, 0.16F);
  const float r = 0.5F * gap;
  const float middle = r * static_cast<float>(count);
  for (int i = 0; i <= count; ++i) {
    const Vec at = turned({gap * static_cast<float>(i) - middle, 0.5F * spring, 0.0F}, foot, yaw);
    b.box(stone, at, {thick, 0.5F * spring, thick}, yaw);
  }
  const int pieces = 6;
  for (int i = 0; i < count; ++i) {
    const float x = gap * (static_cast<float>(i) + 0.5F) - middle;
    for (int k = 0; k < pieces; ++k) {
      const float from = 3.1416F * static_cast<float>(k) / static_cast<float>(pieces);
      const float to = 3.1416F * static_cast<float>(k + 1) / static_cast<float>(pieces);
      b.limb(stone, turned({x + r * cosf(from), spring + r * sinf(from), 0.0F}, foot, yaw),
             turned({x + r * cosf(to), spring + r * sinf(to), 0.0F}, foot, yaw), thick);
    }
  }
  if (b.random.chance(0.6F))
    b.box(stone, turned({0.0F, spring + r + 1.6F * thick, 0.0F}, foot, yaw),
          {middle + thick, thick * b.random.range(0.7F, 3.0F), thick}, yaw);
}

/// Broad or narrow steps that go up along their own -z, with or without something at the top.
RENDER_FN void steps(Builder& b, Vec foot, float yaw) {
  ++b.object;
  const int stone = b.any_material();
  const int count = 2 + b.random.below(7);
  const Vec half{b.random.range(0.6F, 5.0F), b.random.range(0.06F, 0.25F), b.random.range(0.12F, 0.6F)};
  const float deep = b.random.range(0.0F, 4.0F);
  for (int i = 0; i < count; ++i) {
    const float k = static_cast<float>(i);
    const float back = half.z * static_cast<float>(count - i) + deep;
    b.box(i % 2 == 1 && b.random.chance(0.2F) ? b.any_material() : stone,
          turned({0.0F, half.y * (2.0F * k + 1.0F), -2.0F * half.z * k - back}, foot, yaw), {half.x, half.y, back},
          yaw);
  }
}

RENDER_FN void bench(Builder& b, Vec foot, float yaw) {
  ++b.object;
  const int wood = b.any_material();
  const float wide = b.random.range(0.4F, 1.5F);
  b.box(wood, turned({0.0F, 0.45F, 0.0F}, foot, yaw), {wide, 0.05F, 0.25F}, yaw);
  for (int side = -1; side <= 1; side += 2)
    b.box(wood, turned({0.8F * wide * static_cast<float>(side), 0.22F, 0.0F}, foot, yaw), {0.06F, 0.22F, 0.22F}, yaw);
  if (b.random.chance(0.5F)) b.box(wood, turned({0.0F, 0.75F, -0.25F}, foot, yaw), {wide, 0.25F, 0.04F}, yaw);
}

/// One of the parts of a court at `foot`.
RENDER_FN void part_of_court(Builder& b, Vec foot, float yaw) {
  switch (b.random.below(8)) {
    case 0: {  // columns
      const float r = b.random.range(0.12F, 0.6F);
      const float tall = b.random.range(1.0F, 3.2F);
      row(b, foot, yaw, 2 + b.random.below(8), r * b.random.range(2.6F, 9.0F), {r, tall, r}, b.random.chance(0.7F),
          b.random.chance(0.55F) ? 1 : 0);
      break;
    }
    case 1:
    case 2: {  // a fence
      const float wide = b.random.range(0.02F, 0.5F);
      const float tall = b.random.range(0.25F, 1.1F);
      row(b, foot, yaw, 6 + b.random.below(16), wide * b.random.range(2.05F, 5.0F), {wide, tall, 0.04F},
          b.random.chance(0.3F), b.random.below(3));
      break;
    }
    case 3:
      arcade(b, foot, yaw, 1 + b.random.below(4), b.random.range(1.0F, 3.5F), b.random.range(0.3F, 3.0F));
      break;
    case 4:
      steps(b, foot, yaw);
      break;
    case 5:
      ++b.object;  // a wall
      b.box(b.any_material(), foot + Vec{0.0F, 1.0F, 0.0F},
            {b.random.range(1.0F, 7.0F), b.random.range(0.3F, 3.0F), b.random.range(0.05F, 0.4F)}, yaw);
      break;
    case 6:
      bench(b, foot, yaw);
      break;
    default: {  // pots, tubs and heaps
      ++b.object;
      const float r = b.random.range(0.15F, 0.6F);
      const int kind = b.random.below(4);
      const float tall = r * b.random.range(0.6F, 3.0F);
      Prim* prim = b.add(kind, b.any_material(), foot + Vec{0.0F, 0.5F * tall, 0.0F},
                         {r, 0.5F * tall, r * b.random.range(0.6F, 2.0F)});
      Builder::turn(prim, yaw);
      if (b.random.chance(0.3F))
        leaves(b, green(b), foot + Vec{0.0F, tall + r, 0.0F}, {1.5F * r, 1.2F * r, 1.5F * r}, r * 0.4F);
      break;
    }
  }
}

/// A place with some walls or fences around, and in it rows, arches, steps and smaller things in no order.
RENDER_FN void court(Builder& b) {
  lay_ground(b, b.random.chance(0.15F));
  b.scene.rough = fminf(b.scene.rough, 0.8F);
  const float far = b.random.range(5.0F, 18.0F);
  const float wall = b.random.range(0.6F, 5.0F);
  for (int side = 0; side < 3; ++side) {
    if (b.random.chance(0.5F)) continue;
    ++b.object;
    const float yaw = side == 0 ? b.random.range(-0.3F, 0.3F) : 1.57F + b.random.range(-0.3F, 0.3F);
    const float s = side == 1 ? -1.0F : 1.0F;
    const Vec foot = side == 0 ? Vec{0.0F, 0.0F, -far} : Vec{s * far * b.random.range(0.3F, 0.8F), 0.0F, -0.5F * far};
    if (b.random.chance(0.5F))
      b.box(b.any_material(), foot + Vec{0.0F, wall, 0.0F}, {0.7F * far, wall, 0.2F}, yaw);
    else
      part_of_court(b, foot, yaw);
  }
  const int parts = 2 + b.random.below(5);
  for (int i = 0; i < parts; ++i) {
    const float yaw = b.random.chance(0.5F) ? b.random.range(-0.2F, 0.2F) : b.random.range(0.0F, 6.28F);
    part_of_court(b, place(b, 0.2F * far, far, 0.6F), yaw);
  }
  if (b.random.chance(0.3F))
    house(b, place(b, far, 1.6F * far, 0.5F), {b.random.range(2.0F, 6.0F), b.random.range(2.0F, 5.0F), 3.0F},
          b.random.range(-0.5F, 0.5F));
  if (b.random.chance(0.3F)) tree(b, place(b, 0.5F * far, 1.3F * far, 0.6F), b.random.range(2.0F, 7.0F));
  const int people = b.random.below(3);
  for (int i = 0; i < people; ++i)
    small_person(b, place(b, 0.3F * far, far, 0.5F), b.random.range(1.4F, 1.95F), b.random.range(0.0F, 6.28F));
  const float eye = b.random.range(0.8F, 2.6F) + (b.random.chance(0.2F) ? b.random.range(0.0F, 3.0F) : 0.0F);
  look(b.scene, b.random, {b.random.range(-0.2F, 0.2F) * far, eye, 0.0F},
       {b.random.range(-0.2F, 0.2F) * far, eye + b.random.range(-0.25F, 0.12F) * far, -far},
       b.random.range(0.4F, 0.85F));
}

}  // namespace render
