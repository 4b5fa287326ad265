// SPDX-License-Identifier: Apache-2.0
// From a seed and a type to a scene: things, light and a camera.
#pragma once

#include "places.h"

namespace render {

RENDER_FN void street(Builder& b) {
  lay_ground(b, false);
  const float half = b.random.range(4.0F, 9.0F);
  const float sidewalk = b.random.range(1.0F, 2.5F);
  const int kerb = b.any_material();
  for (int side = -1; side <= 1; side += 2) {
    const float s = static_cast<float>(side);
    b.box(kerb, {s * (half + 10.0F - sidewalk), 0.0F, -40.0F}, {10.0F, 0.14F, 50.0F});
    float z = 4.0F;
    for (int i = 0; i < 4; ++i) {
      const Vec size{b.random.range(2.5F, 4.5F), b.random.range(2.5F, 9.0F), b.random.range(3.0F, 8.0F)};
      z -= size.z;
      house(b, {s * (half + size.x + b.random.range(0.0F, 1.5F)), 0.0F, z}, size, 0.0F);
      z -= size.z + (b.random.chance(0.4F) ? b.random.range(1.0F, 4.0F) : 0.0F);
    }
    if (b.random.chance(0.5F)) car(b, {s * (half - sidewalk - 1.1F), 0.0F, b.random.range(-22.0F, -5.0F)}, 0.0F);
    if (b.random.chance(0.5F))
      tree(b, {s * (half - 0.6F), 0.0F, b.random.range(-20.0F, -6.0F)}, b.random.range(3.0F, 7.0F));
    if (b.random.chance(0.4F))
      b.post(b.any_material(), {s * (half - 0.4F), 0.0F, b.random.range(-14.0F, -4.0F)}, 0.07F, 5.0F);
  }
  crowd(b, b.random.below(4), 3.0F, 16.0F);
  look(b.scene, b.random, {b.random.range(-0.6F, 0.6F) * half, b.random.range(1.2F, 4.5F), b.random.range(0.0F, 2.0F)},
       {b.random.range(-0.8F, 0.8F) * half, b.random.range(0.5F, 3.5F), -15.0F}, b.random.range(0.4F, 0.85F));
}

RENDER_FN void park(Builder& b) {
  lay_ground(b, b.random.chance(0.6F));
  const int trees = 2 + b.random.below(4);
  for (int i = 0; i < trees; ++i) tree(b, place(b, 4.0F, 25.0F, 0.8F), b.random.range(2.5F, 8.0F));
  crowd(b, b.random.below(4), 2.5F, 12.0F);
  const int animals = b.random.below(3);
  for (int i = 0; i < animals; ++i)
    animal(b, place(b, 2.5F, 10.0F, 0.5F), b.random.range(0.6F, 1.5F), b.random.range(0.0F, 6.28F));
  const int rocks = b.random.below(4);
  for (int i = 0; i < rocks; ++i) {
    const float r = b.random.range(0.2F, 1.0F);
    b.ball(b.any_material(), place(b, 3.0F, 12.0F, 0.8F), {r, r * b.random.range(0.4F, 0.9F), r}, b.random.next());
  }
  if (b.random.chance(0.3F)) house(b, place(b, 14.0F, 30.0F, 0.6F), {4.0F, 2.0F, 3.0F}, b.random.range(0.0F, 3.0F));
  const float eye = b.random.range(0.8F, 2.5F) + b.ground(0.0F, 0.0F);
  look(b.scene, b.random, {0.0F, eye, 0.0F}, {b.random.range(-2.0F, 2.0F), eye + b.random.range(-1.6F, 0.8F), -8.0F},
       b.random.range(0.35F, 0.8F));
}

RENDER_FN void room(Builder& b) {
  const float hx = b.random.range(1.6F, 3.5F);
  const float hy = b.random.range(1.2F, 1.7F);
  const float hz = b.random.range(2.0F, 4.0F);
  walls(b, hx, hy, hz);
  const float back = 1.0F - 2.0F * hz;
  const auto spot = [&]() { return Vec{b.random.range(-0.8F, 0.8F) * hx, 0.0F, b.random.range(back + 0.6F, -1.2F)}; };
  const auto yaw = [&]() { return b.random.range(0.0F, 6.28F); };
  if (b.random.chance(0.7F))
    sofa(b, {b.random.range(-0.5F, 0.5F) * hx, 0.0F, back + 0.6F}, b.random.range(-0.3F, 0.3F));
  const int tables = 1 + b.random.below(2);
  for (int i = 0; i < tables; ++i) {
    const Vec foot = spot();
    const Vec half{b.random.range(0.3F, 0.7F), b.random.range(0.2F, 0.38F), b.random.range(0.3F, 0.6F)};
    table(b, foot, half, yaw());
    ++b.object;
    const float r = b.random.range(0.06F, 0.14F);
    b.post(b.any_material(), foot + Vec{b.random.range(-0.2F, 0.2F), 2.0F * half.y + 0.03F, 0.0F}, r,
           b.random.range(0.1F, 0.4F));
    b.ball(b.any_material(), foot + Vec{0.2F, 2.0F * half.y + 0.03F + r, 0.15F}, {r, r, r});
  }
  const int chairs = b.random.below(3);
  for (int i = 0; i < chairs; ++i) chair(b, spot(), yaw());
  for (int side = -1; side <= 1; side += 2) {
    if (b.random.chance(0.5F)) continue;
    ++b.object;
    const float tall = b.random.range(0.4F, 1.0F);
    b.box(b.any_material(), {static_cast<float>(side) * (hx - 0.22F), tall, b.random.range(back + 0.5F, -1.0F)},
          {0.22F, tall, b.random.range(0.3F, 0.8F)});
  }
  ++b.object;
  if (b.random.chance(0.7F))
    b.box(b.any_material(), {b.random.range(-0.6F, 0.6F) * hx, b.random.range(1.0F, 1.7F), back},
          {b.random.range(0.3F, 0.9F), b.random.range(0.25F, 0.6F), 0.03F});
  if (b.random.chance(0.5F)) rosette(b, spot(), b.random.range(0.4F, 1.0F));
  if (b.random.chance(0.6F)) person(b, spot(), b.random.range(1.5F, 1.9F), b.random.range(-1.0F, 1.0F));
  const float eye = b.random.range(0.9F, 1.8F);
  look(b.scene, b.random, {b.random.range(-0.5F, 0.5F) * hx, eye, 0.8F},
       {b.random.range(-0.4F, 0.4F) * hx, eye + b.random.range(-0.9F, 0.2F), -2.5F}, b.random.range(0.5F, 0.95F));
}

RENDER_FN void portrait(Builder& b) {
  const float eye = b.random.range(1.2F, 1.7F);
  if (b.random.chance(0.5F)) {
    walls(b, b.random.range(1.5F, 3.0F), 1.4F, b.random.range(1.5F, 3.0F));
    if (b.random.chance(0.5F)) b.box(b.any_material(), {b.random.range(-1.2F, 1.2F), 0.9F, -2.0F}, {0.4F, 0.9F, 0.25F});
    if (b.random.chance(0.5F)) b.box(b.any_material(), {b.random.range(-1.0F, 1.0F), 1.7F, -1.9F}, {0.4F, 0.3F, 0.02F});
  } else {
    lay_ground(b, b.random.chance(0.5F));
    const int trees = b.random.below(3);
    for (int i = 0; i < trees; ++i) tree(b, place(b, 5.0F, 15.0F, 0.7F), b.random.range(3.0F, 6.0F));
    if (b.random.chance(0.6F)) house(b, place(b, 10.0F, 20.0F, 0.6F), {3.0F, 3.0F, 3.0F}, b.random.range(-0.5F, 0.5F));
  }
  const float away = b.random.range(0.55F, 1.4F);
  bust(b, {b.random.range(-0.18F, 0.18F) * away, eye - 0.2F, -away}, b.random.range(0.9F, 1.15F),
       b.random.range(-0.9F, 0.9F));
  if (b.random.chance(0.25F))
    bust(b, {b.random.chance(0.5F) ? 0.5F : -0.5F, eye - 0.25F, -away - 0.5F}, 1.0F, b.random.range(-0.7F, 0.7F));
  look(b.scene, b.random, {0.0F, eye, 0.0F}, {b.random.range(-0.1F, 0.1F), eye + b.random.range(-0.12F, 0.1F), -1.0F},
       b.random.range(0.35F, 0.6F));
}

RENDER_FN void plant(Builder& b) {
  const bool inside = b.random.chance(0.6F);
  if (inside) {
    walls(b, b.random.range(1.2F, 2.5F), 1.3F, b.random.range(1.0F, 2.5F));
  } else {
    lay_ground(b, false);
  }
  const float top = inside ? 0.7F : 0.0F;
  if (inside) table(b, {0.0F, 0.0F, -0.9F}, {0.7F, 0.35F, 0.5F}, b.random.range(-0.2F, 0.2F));
  const int plants = 1 + b.random.below(3);
  for (int i = 0; i < plants; ++i) {
    rosette(b, {b.random.range(-0.4F, 0.4F), top, b.random.range(-1.2F, -0.7F)}, b.random.range(0.3F, 0.75F));
  }
  const int things = b.random.below(5);
  for (int i = 0; i < things; ++i) {
    ++b.object;
    const float r = b.random.range(0.04F, 0.13F);
    const Vec at{b.random.range(-0.55F, 0.55F), top, b.random.range(-1.2F, -0.55F)};
    const int kind = b.random.below(4);
    if (kind == 0) b.ball(b.any_material(), at + Vec{0.0F, r, 0.0F}, {r, r, r});
    if (kind == 1) b.box(b.any_material(), at + Vec{0.0F, r, 0.0F}, {r, r, r * 1.3F}, b.random.range(0.0F, 3.0F));
    if (kind == 2) b.post(b.any_material(), at, 0.6F * r, 3.0F * r);
    if (kind == 3) b.add(kCone, b.any_material(), at + Vec{0.0F, r, 0.0F}, {r, r, r});
  }
  look(b.scene, b.random, {b.random.range(-0.4F, 0.4F), top + b.random.range(0.15F, 0.9F), b.random.range(-0.1F, 0.4F)},
       {b.random.range(-0.1F, 0.1F), top + b.random.range(0.1F, 0.4F), -1.0F}, b.random.range(0.35F, 0.65F));
}

RENDER_FN void land(Builder& b) {
  lay_ground(b, true);
  b.scene.rough = b.random.range(1.5F, 9.0F);
  b.scene.wide = b.random.range(12.0F, 45.0F);
  const int trees = b.random.below(6);
  for (int i = 0; i < trees; ++i) tree(b, place(b, 6.0F, 40.0F, 0.7F), b.random.range(3.0F, 9.0F));
  const int houses = b.random.below(3);
  for (int i = 0; i < houses; ++i)
    house(b, place(b, 15.0F, 45.0F, 0.6F), {b.random.range(2.0F, 4.0F), b.random.range(1.5F, 4.0F), 3.0F},
          b.random.range(0.0F, 3.0F));
  const int animals = b.random.below(3);
  for (int i = 0; i < animals; ++i)
    animal(b, place(b, 4.0F, 15.0F, 0.5F), b.random.range(0.8F, 1.8F), b.random.range(0.0F, 6.28F));
  const float eye = b.ground(0.0F, 0.0F) + b.random.range(1.5F, 7.0F);
  look(b.scene, b.random, {0.0F, eye, 0.0F}, {b.random.range(-2.0F, 2.0F), eye + b.random.range(-3.0F, 0.5F), -12.0F},
       b.random.range(0.4F, 0.85F));
}

RENDER_FN void blocks(Builder& b) {
  const bool inside = b.random.chance(0.4F);
  if (inside) {
    walls(b, b.random.range(2.5F, 6.0F), b.random.range(1.5F, 3.0F), b.random.range(3.0F, 7.0F));
  } else {
    lay_ground(b, b.random.chance(0.3F));
  }
  const int things = 6 + b.random.below(18);
  for (int i = 0; i < things; ++i) {
    ++b.object;
    Vec at = place(b, 1.5F, inside ? 8.0F : 14.0F, 0.6F);
    if (b.random.chance(0.25F)) at.y += b.random.range(0.2F, 2.5F);
    const float r = b.random.range(0.15F, 0.9F);
    const Vec half{r * b.random.range(0.4F, 1.5F), r * b.random.range(0.4F, 2.0F), r * b.random.range(0.4F, 1.5F)};
    Prim* prim = b.add(b.random.below(6), b.any_material(), at + Vec{0.0F, half.y, 0.0F}, half);
    Builder::turn(prim, b.random.range(0.0F, 6.28F));
    if (b.random.chance(0.25F))
      Builder::along(prim, {b.random.range(-1.0F, 1.0F), b.random.range(-1.0F, 1.0F), b.random.range(-1.0F, 1.0F)});
  }
  const float eye = b.random.range(0.6F, 2.6F);
  look(b.scene, b.random, {b.random.range(-0.5F, 0.5F), eye, 0.5F},
       {b.random.range(-0.8F, 0.8F), b.random.range(0.2F, 1.6F), -4.0F}, b.random.range(0.4F, 0.9F));
}

/// A wide place seen from above, as a security camera sees it.
RENDER_FN void plaza(Builder& b) {
  lay_ground(b, false);
  for (int i = 0; i < 3; ++i) {
    house(b, place(b, 22.0F, 40.0F, 0.7F),
          {b.random.range(3.0F, 9.0F), b.random.range(2.0F, 6.0F), b.random.range(2.0F, 6.0F)},
          b.random.range(-0.4F, 0.4F));
  }
  const int greens = b.random.below(3);
  for (int i = 0; i < greens; ++i) {
    ++b.object;
    b.box(b.any_material(), place(b, 8.0F, 20.0F, 0.6F),
          {b.random.range(1.0F, 5.0F), b.random.range(0.05F, 0.5F), b.random.range(0.5F, 3.0F)},
          b.random.range(0.0F, 3.0F));
  }
  if (b.random.chance(0.5F)) tree(b, place(b, 10.0F, 22.0F, 0.6F), b.random.range(3.0F, 6.0F));
  if (b.random.chance(0.4F)) car(b, place(b, 10.0F, 22.0F, 0.5F), b.random.range(0.0F, 6.28F));
  for (int i = 0; i < 3; ++i) {
    ++b.object;
    if (b.random.chance(0.5F)) b.post(b.any_material(), place(b, 7.0F, 20.0F, 0.6F), 0.08F, b.random.range(0.8F, 5.0F));
  }
  crowd(b, 2 + b.random.below(3), 6.0F, 22.0F);
  const float eye = b.random.range(3.0F, 8.0F);
  look(b.scene, b.random, {0.0F, eye, 0.0F}, {b.random.range(-2.0F, 2.0F), b.random.range(-1.0F, 1.0F), -13.0F},
       b.random.range(0.35F, 0.7F));
}

/// A solid that lies or stands, again and again along a line, over a grid, around a point, or on top of one another.
RENDER_FN void repeated(Builder& b, Vec foot) {
  ++b.object;
  const int kind = b.random.below(6);
  const int own = b.any_material();
  const bool varied = b.random.chance(0.3F);
  const int count = 3 + b.random.below(8);
  const int pattern = b.random.below(4);
  const float r = b.random.range(0.05F, 0.8F);
  const Vec half{r * b.random.range(0.15F, 2.5F), r * b.random.range(0.2F, 4.0F), r * b.random.range(0.15F, 2.5F)};
  const float turn = b.random.range(0.0F, 6.28F);
  const float gap = 2.0F * fmaxf(half.x, half.z) * b.random.range(0.7F, 2.6F);
  const bool leaning = b.random.chance(0.2F);
  const Vec lean{b.random.range(-1.0F, 1.0F), b.random.range(-1.0F, 1.0F), b.random.range(-1.0F, 1.0F)};
  for (int i = 0; i < count; ++i) {
    const float k = static_cast<float>(i);
    const float ring = 6.28F * k / static_cast<float>(count);
    Vec at{k * gap, 0.0F, 0.0F};
    if (pattern == 1) at = {static_cast<float>(i % 3) * gap, 0.0F, static_cast<float>(i / 3) * gap};
    if (pattern == 2) at = {gap * cosf(ring), 0.0F, gap * sinf(ring)};
    if (pattern == 3) at = {b.random.range(-0.3F, 0.3F) * half.x, 2.0F * half.y * k, 0.3F * half.z * k};
    const float size = varied ? b.random.range(0.5F, 1.3F) : 1.0F;
    Vec place = turned(at, foot, turn);
    if (pattern != 3) place.y = b.ground(place.x, place.z) + (foot.y - b.ground(foot.x, foot.z));
    Prim* prim = b.add(kind, varied && b.random.chance(0.5F) ? b.any_material() : own,
                       place + Vec{0.0F, half.y * size, 0.0F}, half * size);
    Builder::turn(prim, turn);
    if (leaning) Builder::along(prim, lean);
  }
}

/// Anything beside anything, from anywhere: so that no arrangement is learned by heart.
RENDER_FN void medley(Builder& b) {
  const bool inside = b.random.chance(0.25F);
  const float far = b.random.range(3.0F, inside ? 8.0F : 25.0F);
  if (inside) {
    walls(b, b.random.range(0.3F, 0.8F) * far, b.random.range(1.2F, 3.0F), 0.5F * far + 0.5F);
  } else {
    lay_ground(b, b.random.chance(0.4F));
  }
  const int groups = 3 + b.random.below(8);
  const float near = b.random.range(0.15F, 0.5F) * far;
  for (int i = 0; i < groups; ++i) {
    const Vec foot = place(b, near, far, 0.6F);
    const float yaw = b.random.range(0.0F, 6.28F);
    switch (b.random.below(inside ? 10 : 14)) {
      case 0:
        person(b, foot, b.random.range(1.4F, 2.0F), yaw);
        break;
      case 1:
        animal(b, foot, b.random.range(0.5F, 2.0F), yaw);
        break;
      case 2:
        table(b, foot, {b.random.range(0.3F, 1.0F), b.random.range(0.2F, 0.5F), b.random.range(0.3F, 0.8F)}, yaw);
        break;
      case 3:
        chair(b, foot, yaw);
        break;
      case 4:
        rosette(b, foot, b.random.range(0.3F, 1.8F));
        break;
      case 5:
        sofa(b, foot, yaw);
        break;
      case 10:
        tree(b, foot, b.random.range(2.0F, 9.0F));
        break;
      case 11:
        house(b, foot, {b.random.range(1.5F, 6.0F), b.random.range(1.5F, 6.0F), b.random.range(1.5F, 6.0F)}, yaw);
        break;
      case 12:
        car(b, foot, yaw);
        break;
      case 13:
        b.box(b.any_material(), foot + Vec{0.0F, 1.0F, 0.0F},
              {b.random.range(1.0F, 8.0F), b.random.range(0.3F, 3.0F), b.random.range(0.03F, 1.0F)}, yaw);
        break;
      default:
        repeated(b, foot);
        break;
    }
  }
  if (b.random.chance(0.15F)) bust(b, {b.random.range(-0.5F, 0.5F), 1.2F, -b.random.range(0.8F, 2.0F)}, 1.0F, 0.3F);
  const float eye =
      b.ground(0.0F, 0.0F) + (inside ? b.random.range(0.5F, 2.0F)
                                     : b.random.range(0.4F, 1.0F) + far * b.random.range(0.0F, 0.4F) * b.random.next());
  look(b.scene, b.random, {b.random.range(-0.5F, 0.5F), eye, b.random.range(-0.5F, 0.4F)},
       {b.random.range(-0.3F, 0.3F) * far, eye + b.random.range(-0.5F, 0.12F) * far, -far},
       b.random.range(0.3F, 0.95F));
}

/// Never trained on: columns, beams and steps.
RENDER_FN void temple(Builder& b) {
  lay_ground(b, false);
  const int stone = b.any_material();
  const float far = b.random.range(7.0F, 12.0F);
  for (int step = 0; step < 3; ++step) {
    const float s = static_cast<float>(step);
    b.box(stone, {0.0F, 0.2F + 0.4F * s, -far - 4.0F}, {6.0F - 0.4F * s, 0.2F, 4.5F - 0.4F * s});
  }
  const float tall = b.random.range(3.0F, 5.0F);
  for (int i = 0; i < 7; ++i) {
    const float x = -4.5F + 1.5F * static_cast<float>(i);
    b.post(stone, {x, 1.2F, -far - 0.8F}, 0.33F, b.random.chance(0.8F) ? tall : b.random.range(0.8F, tall));
    b.post(stone, {x, 1.2F, -far - 6.5F}, 0.33F, tall);
  }
  b.box(stone, {0.0F, 1.4F + tall, -far - 3.7F}, {5.3F, 0.25F, 3.4F});
  Prim* roof = b.add(kGable, stone, {0.0F, 2.4F + tall, -far - 3.7F}, {5.4F, 0.8F, 3.5F});
  Builder::turn(roof, 0.0F);
  crowd(b, 2, 4.0F, 9.0F);
  look(b.scene, b.random, {b.random.range(-3.0F, 3.0F), b.random.range(1.2F, 3.0F), 0.0F}, {0.0F, 2.5F, -far},
       b.random.range(0.5F, 0.8F));
}

/// Never trained on: a yard of boats, barrels, ladders and fences.
RENDER_FN void yard(Builder& b) {
  lay_ground(b, false);
  for (int i = 0; i < 12; ++i)
    b.box(b.any_material(), {-6.0F + static_cast<float>(i), 0.7F, -11.0F}, {0.4F, 0.7F, 0.04F});
  for (int i = 0; i < 6; ++i) b.post(b.any_material(), place(b, 3.5F, 10.0F, 0.5F), 0.3F, 0.9F);
  for (int i = 0; i < 2; ++i) {
    ++b.object;
    const Vec at = place(b, 5.0F, 9.0F, 0.5F);
    b.ball(b.any_material(), at + Vec{0.0F, 0.5F, 0.0F}, {0.7F, 0.5F, 2.0F}, b.random.range(0.0F, 3.0F));
    b.limb(b.any_material(), at + Vec{0.0F, 0.5F, 0.0F}, at + Vec{0.0F, 4.0F, 0.0F}, 0.05F);
  }
  for (int rung = 0; rung < 8; ++rung) {
    const float y = 0.3F * static_cast<float>(rung + 1);
    b.limb(b.any_material(), {1.5F, y, -6.0F - 0.3F * y}, {2.1F, y, -6.0F - 0.3F * y}, 0.03F);
  }
  crowd(b, 1, 4.0F, 8.0F);
  look(b.scene, b.random, {0.0F, b.random.range(1.0F, 2.2F), 0.0F}, {b.random.range(-1.0F, 1.0F), 0.9F, -7.0F},
       b.random.range(0.45F, 0.75F));
}

/// Never trained on, and made after all the others: swings, a slide, a climbing frame and a seesaw.
RENDER_FN void playground(Builder& b) {
  lay_ground(b, false);
  const Vec swings = place(b, 5.0F, 10.0F, 0.5F);
  const int frame = b.any_material();
  ++b.object;
  const float wide = b.random.range(1.2F, 2.2F);
  for (int side = -1; side <= 1; side += 2) {
    const Vec top = swings + Vec{wide * static_cast<float>(side), 2.3F, 0.0F};
    for (int leg = -1; leg <= 1; leg += 2)
      b.limb(frame, top - Vec{0.0F, 2.3F, 0.9F * static_cast<float>(leg)}, top, 0.06F);
    const Vec seat = top + Vec{-0.5F * wide * static_cast<float>(side), -1.8F, b.random.range(-0.8F, 0.8F)};
    b.limb(frame, top - Vec{0.5F * wide * static_cast<float>(side), 0.0F, 0.0F}, seat, 0.02F);
    b.box(b.any_material(), seat, {0.25F, 0.03F, 0.12F});
  }
  b.limb(frame, swings + Vec{-wide, 2.3F, 0.0F}, swings + Vec{wide, 2.3F, 0.0F}, 0.06F);
  ++b.object;
  const Vec slide = place(b, 4.0F, 9.0F, 0.5F);
  const float yaw = b.random.range(0.0F, 6.28F);
  Prim* chute = b.add(kBox, b.any_material(), slide + Vec{0.0F, 0.9F, 0.0F}, {0.3F, 1.5F, 0.04F});
  Builder::along(chute, turned({0.0F, 0.75F, 1.0F}, {}, yaw));
  b.limb(frame, slide + turned({0.0F, 1.8F, 1.2F}, {}, yaw), slide + turned({0.0F, 0.0F, 1.3F}, {}, yaw), 0.08F);
  ++b.object;
  const Vec dome = place(b, 5.0F, 11.0F, 0.5F);
  const float r = b.random.range(0.8F, 1.7F);
  for (int i = 0; i < 6; ++i) {
    const float a = 1.047F * static_cast<float>(i);
    for (int k = 0; k < 3; ++k) {
      const float low = 0.52F * static_cast<float>(k);
      const float high = low + 0.52F;
      b.limb(frame, dome + Vec{r * cosf(a) * cosf(low), r * sinf(low), r * sinf(a) * cosf(low)},
             dome + Vec{r * cosf(a) * cosf(high), r * sinf(high), r * sinf(a) * cosf(high)}, 0.04F);
    }
  }
  ++b.object;
  const Vec seesaw = place(b, 4.0F, 8.0F, 0.4F);
  const Vec end{b.random.range(0.8F, 1.6F), 0.35F, b.random.range(-1.0F, 1.0F)};
  b.limb(b.any_material(), seesaw + Vec{-end.x, 0.1F, -end.z}, seesaw + Vec{end.x, 0.1F + 2.0F * end.y, end.z}, 0.08F);
  b.add(kCone, frame, seesaw + Vec{0.0F, 0.25F, 0.0F}, {0.3F, 0.25F, 0.3F});
  crowd(b, 2, 3.0F, 9.0F);
  if (b.random.chance(0.5F)) tree(b, place(b, 10.0F, 18.0F, 0.6F), b.random.range(3.0F, 6.0F));
  look(b.scene, b.random, {0.0F, b.random.range(1.1F, 2.6F), 0.0F},
       {b.random.range(-1.0F, 1.0F), b.random.range(0.4F, 1.4F), -7.0F}, b.random.range(0.4F, 0.75F));
}

/// type < 0 draws one of those that are trained on, medleys and courts the most often.
RENDER_FN void build_scene(Scene& scene, uint32_t seed, int type) {
  scene = Scene{};
  scene.seed = hash(seed * 2654435761U + 977U);
  Builder b{scene, {scene.seed}};
  const int drawn = b.random.below(kTypes + 8);
  const int often = drawn < kTypes + 4 ? kMedley : kCourt;
  scene.type = type >= 0 ? type : (drawn < kTypes ? drawn : often);
  scene.limit = scene.type == kFoliage || scene.type == kCrowd || scene.type == kCourt ? kMaxPrims : kUsualPrims;
  light(b);
  switch (scene.type) {
    case kStreet:
      street(b);
      break;
    case kPark:
      park(b);
      break;
    case kRoom:
      room(b);
      break;
    case kPortrait:
      portrait(b);
      break;
    case kPlant:
      plant(b);
      break;
    case kLand:
      land(b);
      break;
    case kBlocks:
      blocks(b);
      break;
    case kPlaza:
      plaza(b);
      break;
    case kMedley:
      medley(b);
      break;
    case kFoliage:
      foliage(b);
      break;
    case kCrowd:
      from_above(b);
      break;
    case kCourt:
      court(b);
      break;
    case kTemple:
      temple(b);
      break;
    case kPlayground:
      playground(b);
      break;
    default:
      yard(b);
      break;
  }
}

}  // namespace render
