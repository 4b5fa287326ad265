// SPDX-License-Identifier: Apache-2.0
// What every type of scene needs: a camera, light, ground or walls, and places for things.
#pragma once

#include "things.h"

namespace render {

RENDER_FN void look(Scene& scene, Random& random, Vec eye, Vec at, float tangent) {
  scene.eye = eye;
  scene.forward = normalize(at - eye);
  const float roll = random.chance(0.3F) ? random.range(-0.08F, 0.08F) : 0.0F;
  const Vec right = normalize(cross(scene.forward, {0.0F, 1.0F, 0.0F}));
  const Vec up = cross(right, scene.forward);
  scene.right = right * cosf(roll) + up * sinf(roll);
  scene.up = up * cosf(roll) - right * sinf(roll);
  scene.tangent = tangent;
}

RENDER_FN void light(Builder& b) {
  Scene& scene = b.scene;
  Random& random = b.random;
  const float turn = random.range(0.0F, 6.28F);
  const float height = random.range(0.15F, 1.4F);
  scene.sun = normalize({cosf(turn) * cosf(height), sinf(height), sinf(turn) * cosf(height)});
  const bool overcast = random.chance(0.3F);
  const float warm = random.range(0.0F, 1.0F) * (height < 0.5F ? 1.0F : 0.3F);
  scene.sun_colour =
      mix(Vec{1.0F, 0.97F, 0.92F}, Vec{1.0F, 0.6F, 0.3F}, warm) * (overcast ? 0.3F : random.range(0.8F, 1.5F));
  scene.sky_high = mix(hsv(random.range(0.55F, 0.66F), random.range(0.2F, 0.8F), random.range(0.4F, 0.95F)),
                       Vec{0.75F, 0.77F, 0.8F}, overcast ? 0.9F : 0.1F);
  scene.sky_low = mix(mix(scene.sky_high, Vec{0.9F, 0.92F, 0.95F}, 0.7F), Vec{0.95F, 0.65F, 0.45F}, warm * 0.7F);
  scene.ambient = mix(scene.sky_high, Vec{0.7F, 0.7F, 0.7F}, 0.5F) * (overcast ? 0.8F : random.range(0.3F, 0.6F));
  scene.clouds = overcast ? 0.1F : random.range(0.0F, 1.0F);
  scene.fog = random.chance(0.3F) ? random.range(0.003F, 0.03F) : 0.0F;
}

RENDER_FN void lay_ground(Builder& b, bool terrain) {
  Scene& scene = b.scene;
  scene.ground = terrain ? 2 : 1;
  scene.rough = terrain ? b.random.range(0.3F, 2.0F) : 0.0F;
  scene.wide = b.random.range(5.0F, 25.0F);
  const bool green = terrain || b.random.chance(0.4F);
  const Vec grass = hsv(b.random.range(0.08F, 0.35F), b.random.range(0.2F, 0.7F), b.random.range(0.2F, 0.7F));
  const float grey = b.random.range(0.15F, 0.8F);
  const int pattern = green ? kNoise : b.random.below(kPatterns);
  scene.ground_material =
      b.material(green ? grass : mix({grey, grey, grey}, b.colour(), 0.3F), pattern, b.random.range(0.5F, 3.0F), 0.0F);
}

/// A place on the ground before a camera that stands at the origin and looks along -z.
RENDER_FN Vec place(Builder& b, float near, float far, float spread) {
  const float away = near + (far - near) * b.random.next() * b.random.range(0.4F, 1.0F);
  const float x = b.random.range(-spread, spread) * away;
  return {x, b.ground(x, -away), -away};
}

RENDER_FN void crowd(Builder& b, int people, float near, float far) {
  for (int i = 0; i < people; ++i) {
    person(b, place(b, near, far, 0.55F), b.random.range(1.5F, 1.95F), b.random.range(0.0F, 6.28F));
  }
}

RENDER_FN void walls(Builder& b, float half_x, float half_y, float half_z) {
  Scene& scene = b.scene;
  scene.room = true;
  scene.room_centre = {0.0F, half_y, -half_z + 1.0F};
  scene.room_half = {half_x, half_y, half_z};
  scene.wall_material = b.any_material();
  scene.ground_material = b.any_material();
  scene.sun = {b.random.range(-0.6F, 0.6F) * half_x, 1.8F * half_y,
               scene.room_centre.z + b.random.range(-0.5F, 0.5F) * half_z};
}

}  // namespace render
