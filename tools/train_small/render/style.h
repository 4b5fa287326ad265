// SPDX-License-Identifier: Apache-2.0
// The same scene as painters, carvers and weather would have it. A style sees what a depth map can tell, and takes its
// grain from the sampler's noise: so a network that is given both can learn it as a function.
#pragma once

#include "vec.h"

namespace render {

enum Style : int {
  kIllustration,
  kWatercolour,
  kInk,
  kNeon,
  kSnow,
  kDesert,
  kLava,
  kUnderwater,
  kGold,
  kWoodCarving,
  kClay,
  kMosaic,
  kGlass,
  kBlueprint,
  kJade,
  kStyles
};

/// One sample of a picture. n is in the camera's frame: x to the right, y up, z towards the camera.
struct Look {
  Vec n;
  float up;    ///< the normal's share of the world's up
  float near;  ///< 0 the farthest .. 1 the nearest, as a depth map has it
  bool sky;
  float ao;          ///< 1 open .. 0 closed in
  float edge;        ///< 0..1 on outlines and creases
  float halo, aura;  ///< the edges blurred over a few and over many pixels
  float x, y;        ///< pixels
  float u, v;        ///< 0..1, v downwards
  float g[4];        ///< the noise, smooth over 8 pixels, unit scale
  float c[4];        ///< its means over 32 pixels, unit scale
};

RENDER_FN float lambert(const Look& s) { return saturate(s.n.x * -0.48F + s.n.y * 0.6F + s.n.z * 0.64F); }
RENDER_FN float half_lambert(const Look& s) { return 0.5F + 0.5F * (s.n.x * -0.48F + s.n.y * 0.6F + s.n.z * 0.64F); }
RENDER_FN float gloss(const Look& s, float power) {
  const Vec half = normalize({-0.48F, 0.6F, 1.64F});
  return powf(saturate(dot(s.n, half)), power);
}
/// A polished surface's reflection: bright above the horizon, dark just below it.
RENDER_FN float mirror(const Look& s) {
  const float r = 2.0F * s.n.z * s.n.y;
  return 0.15F + 0.75F * smoothstep(-0.15F, 0.9F, r) + 0.25F * smoothstep(-0.3F, -0.95F, r);
}
RENDER_FN float line(float x, float width) { return 1.0F - smoothstep(0.0F, width, fabsf(x)); }

RENDER_FN Vec illustration(const Look& s) {
  if (s.sky) {
    const Vec air = mix(Vec{0.98F, 0.86F, 0.68F}, Vec{0.36F, 0.68F, 0.78F}, smoothstep(0.62F, 0.0F, s.v));
    return mix(air, Vec{1.0F, 0.97F, 0.9F}, 0.75F * smoothstep(0.2F, 0.5F, s.c[0] + 0.5F * s.c[1]));
  }
  const float tone = half_lambert(s) * (0.55F + 0.45F * s.ao);
  const float band = tone > 0.72F ? 1.0F : (tone > 0.42F ? 0.72F : 0.45F);
  const Vec floor{0.87F, 0.72F, 0.5F};
  const Vec side = mix(Vec{0.25F, 0.55F, 0.62F}, Vec{0.93F, 0.47F, 0.33F}, smoothstep(0.15F, 0.7F, s.near));
  Vec colour = mix(side, floor, smoothstep(0.6F, 0.85F, s.up)) * band;
  colour = mix(colour, Vec{0.75F, 0.85F, 0.86F}, 0.45F * (1.0F - smoothstep(0.0F, 0.25F, s.near)));
  return mix(colour, Vec{0.1F, 0.09F, 0.16F}, s.edge);
}

RENDER_FN Vec watercolour(const Look& s) {
  const Vec paper{0.97F, 0.95F, 0.9F};
  const float wash = 0.5F + 0.18F * s.c[0];
  if (s.sky) return mix(paper, Vec{0.62F, 0.77F, 0.9F}, saturate(wash * (1.1F - s.v)) - 0.05F * s.g[0]);
  const float tone = half_lambert(s) * (0.5F + 0.5F * s.ao);
  const float hue = s.up > 0.65F ? 0.2F - 0.1F * s.near : 0.56F - 0.5F * smoothstep(0.0F, 0.8F, s.near);
  const Vec pigment = hsv(hue + 0.035F * s.c[1], 0.55F, 0.75F);
  float amount = 0.95F - 0.75F * smoothstep(0.25F, 0.95F, tone) + 0.1F * s.c[2] + 0.06F * s.g[1];
  amount = saturate(amount) * (0.55F + 0.45F * smoothstep(0.0F, 0.3F, s.near));
  Vec colour = mix(paper, pigment, amount);
  colour = mix(colour, pigment * 0.55F, 0.5F * saturate(s.halo * 1.5F) * (0.6F + 0.2F * s.c[3]));
  return mix(colour, Vec{0.25F, 0.2F, 0.28F}, 0.55F * s.edge * saturate(0.8F + 0.4F * s.c[2]));
}

RENDER_FN Vec ink(const Look& s) {
  const Vec paper{0.96F, 0.94F, 0.88F};
  float dark = 0.95F * s.edge;
  if (!s.sky) {
    const float tone =
        half_lambert(s) * (0.35F + 0.65F * s.ao) + 0.04F * s.g[0] + 0.25F * (1.0F - smoothstep(0.0F, 0.12F, s.near));
    const float first = fabsf(fract((s.x + s.y) * 0.0625F) - 0.5F) * 2.0F;
    const float second = fabsf(fract((s.x - s.y) * 0.0625F) - 0.5F) * 2.0F;
    dark = fmaxf(dark, 0.75F * smoothstep(0.0F, 0.18F, 1.1F * (0.85F - tone) - first * 0.75F));
    dark = fmaxf(dark, 0.85F * smoothstep(0.0F, 0.15F, 1.6F * (0.45F - tone) - second * 0.75F));
  }
  return mix(paper, Vec{0.07F, 0.06F, 0.09F}, saturate(dark));
}

RENDER_FN Vec neon(const Look& s) {
  const Vec cool{0.1F, 0.85F, 1.0F};
  const Vec hot{1.0F, 0.16F, 0.72F};
  const float side = smoothstep(-0.6F, 0.6F, s.n.x + 0.5F * s.c[0]);
  const Vec tube = s.sky ? hot : mix(cool, mix(hot, Vec{0.55F, 0.25F, 1.0F}, s.near), side);
  Vec colour = mix(Vec{0.03F, 0.02F, 0.08F}, Vec{0.16F, 0.04F, 0.2F}, s.sky ? smoothstep(0.1F, 0.6F, s.v) : 0.0F);
  if (!s.sky) colour = colour + mix(Vec{0.16F, 0.03F, 0.2F}, Vec{0.02F, 0.3F, 0.36F}, s.near) * (0.2F + 0.8F * s.near);
  if (!s.sky) colour = colour + tube * (0.1F * powf(1.0F - saturate(s.n.z), 2.0F) + 0.05F * lambert(s));
  if (!s.sky && s.up > 0.7F) colour = colour + tube * (0.12F * saturate(s.aura * 3.0F));
  colour = colour + tube * (0.5F * saturate(s.halo * 1.2F) + 0.45F * saturate(s.aura * 1.8F));
  return mix(colour, Vec{0.95F, 0.97F, 1.0F}, 0.85F * s.edge);
}

RENDER_FN Vec snow(const Look& s) {
  const float flake = smoothstep(1.75F, 2.1F, s.g[0]);
  Vec colour;
  if (s.sky) {
    colour = mix(Vec{0.82F, 0.86F, 0.91F}, Vec{0.6F, 0.68F, 0.8F}, smoothstep(0.6F, 0.0F, s.v)) +
             Vec{1.0F, 1.0F, 1.0F} * (0.03F * s.c[0]);
  } else {
    const float tone = half_lambert(s) * (0.4F + 0.6F * s.ao);
    const float cover = smoothstep(0.18F, 0.5F, s.up + 0.08F * s.g[1]);
    const Vec bare = mix(Vec{0.16F, 0.19F, 0.27F}, Vec{0.42F, 0.44F, 0.5F}, tone);
    const Vec white = mix(Vec{0.55F, 0.66F, 0.85F}, Vec{0.99F, 0.99F, 1.0F}, smoothstep(0.25F, 0.85F, tone));
    colour = mix(bare, white, cover);
    colour = mix(colour, Vec{0.2F, 0.24F, 0.34F}, 0.5F * s.edge);
    colour = mix(colour, Vec{0.8F, 0.85F, 0.9F}, 0.75F * (1.0F - smoothstep(0.0F, 0.28F, s.near)));
  }
  return mix(colour, Vec{1.0F, 1.0F, 1.0F}, 0.9F * flake);
}

RENDER_FN Vec desert(const Look& s) {
  const float dx = s.u - 0.7F;
  const float dy = s.v - 0.3F;
  const float sun = sqrtf(dx * dx + dy * dy);
  const Vec haze{0.98F, 0.62F, 0.34F};
  if (s.sky) {
    Vec air = mix(mix(Vec{0.35F, 0.2F, 0.42F}, Vec{0.9F, 0.38F, 0.34F}, smoothstep(0.0F, 0.3F, s.v)), haze,
                  smoothstep(0.2F, 0.6F, s.v));
    air = mix(air, Vec{1.0F, 0.93F, 0.7F}, smoothstep(0.085F, 0.075F, sun));
    return air + Vec{0.5F, 0.3F, 0.1F} * (0.5F * expf(-6.0F * sun));
  }
  const float low = saturate(0.75F * s.n.x + 0.35F * s.n.y + 0.35F * s.n.z) * (0.4F + 0.6F * s.ao);
  const float ripple =
      s.up > 0.6F ? 0.12F * smoothstep(0.2F, 0.9F, fract(s.y * 0.125F + 0.35F * s.c[0])) : 0.05F * s.g[0];
  Vec colour = mix(Vec{0.34F, 0.14F, 0.2F}, Vec{0.99F, 0.68F, 0.36F}, saturate(1.15F * low + ripple));
  colour = mix(colour, Vec{0.28F, 0.1F, 0.16F}, 0.55F * s.edge);
  return mix(colour, haze, 0.8F * (1.0F - smoothstep(0.0F, 0.3F, s.near)));
}

RENDER_FN Vec lava(const Look& s) {
  const float crack = line(s.c[0] + 0.25F * s.g[0] + 0.8F * s.n.x, 0.12F + 0.16F * s.near);
  const float second = line(s.c[1] + 0.25F * s.g[1] - 0.6F * s.n.y, 0.08F + 0.12F * s.near);
  if (s.sky) {
    const Vec air = mix(Vec{0.08F, 0.02F, 0.03F}, Vec{0.55F, 0.13F, 0.04F}, smoothstep(0.0F, 0.65F, s.v));
    const float ember = smoothstep(1.9F, 2.3F, s.g[2]);
    return air * (0.9F + 0.2F * s.c[0]) + Vec{1.0F, 0.55F, 0.1F} * ember;
  }
  const float rock = half_lambert(s) * (0.3F + 0.7F * s.ao);
  Vec colour = mix(Vec{0.05F, 0.03F, 0.04F}, Vec{0.42F, 0.32F, 0.31F}, rock) * (0.9F + 0.12F * s.g[3]);
  colour = mix(Vec{0.4F, 0.1F, 0.05F} * (0.3F + 0.7F * rock), colour, smoothstep(0.0F, 0.7F, s.near));
  const float heat = saturate(fmaxf(crack * (s.up > 0.6F ? 1.0F : 0.45F), 0.65F * second) + 0.25F * (1.0F - s.ao));
  colour = mix(colour, Vec{0.85F, 0.16F, 0.02F}, smoothstep(0.05F, 0.5F, heat));
  colour = mix(colour, Vec{1.0F, 0.82F, 0.25F}, smoothstep(0.5F, 1.0F, heat));
  colour = mix(colour, Vec{1.0F, 0.4F, 0.06F}, 0.6F * s.edge * s.edge);
  return mix(colour, Vec{0.45F, 0.1F, 0.04F}, 0.6F * (1.0F - smoothstep(0.0F, 0.2F, s.near)));
}

RENDER_FN Vec underwater(const Look& s) {
  const float ray = smoothstep(0.25F, 1.4F, s.c[1] + 0.6F * s.c[0]) * (1.0F - s.v);
  const Vec deep = mix(Vec{0.1F, 0.55F, 0.66F}, Vec{0.01F, 0.12F, 0.27F}, smoothstep(0.0F, 0.9F, s.v));
  const Vec water = deep + Vec{0.25F, 0.4F, 0.38F} * (0.5F * ray);
  const float bubble = line(s.g[3] - 2.0F, 0.25F);
  Vec colour = water;
  if (!s.sky) {
    const float tone = half_lambert(s) * (0.4F + 0.6F * s.ao);
    Vec body = mix(Vec{0.02F, 0.16F, 0.24F}, Vec{0.42F, 0.8F, 0.66F}, tone);
    body = mix(body, Vec{0.78F, 0.75F, 0.52F} * (0.35F + 0.65F * tone), 0.6F * smoothstep(0.6F, 0.9F, s.up));
    const float caustic = line(s.g[0] + 0.5F * s.g[1], 0.28F) * smoothstep(0.0F, 0.6F, s.up);
    body = body + Vec{0.35F, 0.45F, 0.35F} * (caustic * 0.8F);
    body = mix(body, Vec{0.0F, 0.08F, 0.15F}, 0.5F * s.edge);
    colour = mix(water, body, smoothstep(0.0F, 0.55F, s.near + 0.08F));
  }
  return mix(colour, Vec{0.85F, 1.0F, 0.98F}, 0.5F * bubble);
}

RENDER_FN Vec metal(const Look& s, Vec dark, Vec middle, Vec light, Vec back) {
  if (s.sky) return back * (1.1F - 0.6F * s.v + 0.05F * s.c[0]);
  const float lit = 0.7F * mirror(s) + 0.45F * lambert(s);
  const float m = lit * (0.35F + 0.65F * s.ao) * (0.65F + 0.35F * smoothstep(0.0F, 0.6F, s.near)) + 0.035F * s.g[0];
  Vec colour = mix(mix(dark, middle, smoothstep(0.05F, 0.5F, m)), light, smoothstep(0.5F, 1.0F, m));
  colour = colour + Vec{1.0F, 0.97F, 0.85F} * (0.65F * gloss(s, 40.0F));
  colour = mix(colour, dark * 0.5F, 0.6F * s.edge);
  return mix(colour, back, 0.7F * (1.0F - smoothstep(0.0F, 0.18F, s.near)));
}

RENDER_FN Vec gold(const Look& s) {
  return metal(s, {0.22F, 0.1F, 0.01F}, {0.8F, 0.52F, 0.1F}, {1.0F, 0.9F, 0.5F}, {0.15F, 0.06F, 0.07F});
}

RENDER_FN Vec jade(const Look& s) {
  const Vec back{0.1F, 0.13F, 0.17F};
  if (s.sky) return back * (1.15F - 0.5F * s.v + 0.05F * s.c[0]);
  const float tone = half_lambert(s) * (0.4F + 0.6F * s.ao);
  Vec colour = mix(Vec{0.02F, 0.2F, 0.1F}, Vec{0.45F, 0.85F, 0.35F}, saturate(tone + 0.06F * s.c[0] + 0.05F * s.g[0]));
  colour = colour + Vec{0.5F, 0.6F, 0.3F} * (0.35F * powf(1.0F - saturate(s.n.z), 3.0F));
  colour = colour + Vec{0.95F, 1.0F, 0.9F} * (0.6F * gloss(s, 50.0F));
  colour = mix(colour, Vec{0.01F, 0.1F, 0.06F}, 0.7F * s.edge);
  return mix(colour, back, 0.7F * (1.0F - smoothstep(0.0F, 0.18F, s.near)));
}

RENDER_FN Vec wood_carving(const Look& s) {
  const float along = s.y * 0.03125F + 0.5F * s.c[0] + 2.5F * s.near + 0.8F * s.n.y;
  const float ring = fabsf(2.0F * fract(along * 2.0F) - 1.0F);
  const float pore = 0.06F * s.g[0];
  const float tone = s.sky ? 0.3F : (0.15F + 0.85F * half_lambert(s)) * (0.25F + 0.75F * s.ao) + 0.2F * gloss(s, 12.0F);
  Vec colour = mix(Vec{0.2F, 0.09F, 0.03F}, Vec{0.9F, 0.64F, 0.36F}, saturate(tone + pore));
  colour = mix(colour, colour * Vec{0.6F, 0.48F, 0.4F}, 0.75F * smoothstep(0.45F, 1.0F, ring));
  return mix(colour, Vec{0.1F, 0.04F, 0.01F}, 0.8F * s.edge);
}

RENDER_FN Vec clay(const Look& s) {
  const Vec back = mix(Vec{0.93F, 0.84F, 0.78F}, Vec{0.8F, 0.66F, 0.6F}, s.v);
  if (s.sky) return back + Vec{1.0F, 1.0F, 1.0F} * (0.015F * s.c[0]);
  const float dent = 0.1F * (s.c[0] * s.n.x + s.c[1] * s.n.y) + 0.05F * s.g[0];
  const float tone = saturate((half_lambert(s) + dent) * (0.2F + 0.8F * s.ao));
  const Vec body = mix(Vec{0.78F, 0.4F, 0.28F}, Vec{0.9F, 0.63F, 0.5F}, smoothstep(0.0F, 0.6F, s.near));
  Vec colour = mix(body * Vec{0.32F, 0.25F, 0.28F}, body * 1.12F, smoothstep(0.05F, 0.95F, tone));
  colour = colour + Vec{1.0F, 0.95F, 0.9F} * (0.12F * gloss(s, 9.0F));
  colour = mix(colour, body * 0.35F, 0.35F * s.edge);
  return mix(colour, back, 0.65F * (1.0F - smoothstep(0.0F, 0.22F, s.near)));
}

/// `s` is of the tile's centre; x and y of the sample.
RENDER_FN Vec mosaic(const Look& s) {
  const float fx = fabsf(fract(s.x * 0.125F) - 0.5F);
  const float fy = fabsf(fract(s.y * 0.125F) - 0.5F);
  const float joint = smoothstep(0.4F, 0.44F, fmaxf(fx, fy));
  Vec colour;
  if (s.sky) {
    colour = hsv(0.58F + 0.02F * s.g[0], 0.55F - 0.3F * s.v, 0.8F + 0.07F * s.g[1]);
  } else {
    const float tone = half_lambert(s) * (0.4F + 0.6F * s.ao) * (1.0F - 0.7F * s.edge);
    const float level = floorf(tone * 5.0F + 0.5F) * 0.2F;
    const float hue = s.up > 0.65F ? 0.11F : 0.95F - 0.45F * (1.0F - smoothstep(0.0F, 0.75F, s.near));
    colour = hsv(hue + 0.025F * s.g[0], 0.72F, saturate(0.22F + 0.8F * level + 0.06F * s.g[1]));
  }
  return mix(colour, Vec{0.2F, 0.18F, 0.18F}, 0.85F * joint);
}

/// `hue` and `lead` are of the pane that the sample lies in: panes() finds it.
RENDER_FN Vec stained_glass(const Look& s, float hue, float lead) {
  const float tone = s.sky ? 0.9F : 0.3F + 0.7F * half_lambert(s) * (0.4F + 0.6F * s.ao);
  const float base = s.sky ? 0.6F : (s.up > 0.65F ? 0.1F : 0.92F + 0.45F * smoothstep(0.05F, 0.7F, s.near));
  Vec colour = hsv(base + 0.06F * hue, 0.8F, saturate(0.25F + 0.75F * tone));
  colour = colour * (0.95F + 0.07F * s.g[0]) + Vec{1.0F, 0.95F, 0.8F} * (0.12F * s.c[3] * s.c[3] * 0.3F);
  return mix(colour, Vec{0.03F, 0.03F, 0.05F}, fmaxf(lead, smoothstep(0.15F, 0.6F, s.edge + 0.8F * s.halo)));
}

RENDER_FN Vec blueprint(const Look& s) {
  const float grid = fmaxf(line(fract(s.x / 32.0F) - 0.5F, 0.03F), line(fract(s.y / 32.0F) - 0.5F, 0.03F));
  float white = 0.16F * grid + 0.9F * s.edge;
  Vec blue{0.06F, 0.2F, 0.47F};
  if (!s.sky) {
    blue = blue * ((0.6F + 0.5F * half_lambert(s) * s.ao) * (0.75F + 0.6F * s.near));
    const float level = s.near * 14.0F;
    white = fmaxf(white, 0.45F * line(fract(level) - 0.5F, 0.12F) * smoothstep(0.03F, 0.1F, s.near));
  }
  return mix(blue + Vec{1.0F, 1.0F, 1.0F} * (0.012F * s.g[0]), Vec{0.92F, 0.96F, 1.0F}, saturate(white));
}

}  // namespace render
