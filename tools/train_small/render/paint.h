// SPDX-License-Identifier: Apache-2.0
// From a picture's geometry to a style's colours, sample by sample.
#pragma once

#include "scene.h"
#include "style.h"

namespace render {

/// Of one scene, at twice the picture's width and height. geometry: the normal in the camera's frame and 1 / distance.
struct Sample {
  Vec normal;
  float nearness;
  int object;
};

struct Picture {
  const Scene* scene;
  const Sample* samples;  ///< [2 height, 2 width]
  const float* edge;      ///< [height, width], and the others
  const float* halo;
  const float* aura;
  const float* open;    ///< ambient openness
  const float* fine;    ///< the sampler's noise [4, height / 8, width / 8]
  const float* coarse;  ///< its means [4, height / 32, width / 32], times 4
  int height, width;
  float lowest, highest;  ///< nearness
};

/// Smooth between the values of a grid whose cells are `cell` pixels.
RENDER_FN float grain(const float* plane, int rows, int columns, float x, float y, float cell) {
  const float px = x / cell - 0.5F;
  const float py = y / cell - 0.5F;
  const float fx = floorf(px);
  const float fy = floorf(py);
  const auto at = [&](int dx, int dy) {
    const int cx = static_cast<int>(clamp(fx + static_cast<float>(dx), 0.0F, static_cast<float>(columns - 1)));
    const int cy = static_cast<int>(clamp(fy + static_cast<float>(dy), 0.0F, static_cast<float>(rows - 1)));
    return plane[cy * columns + cx];
  };
  const float u = smoothstep(0.0F, 1.0F, px - fx);
  const float v = smoothstep(0.0F, 1.0F, py - fy);
  return mix(mix(at(0, 0), at(1, 0), u), mix(at(0, 1), at(1, 1), u), v);
}

RENDER_FN Look look_at(const Picture& picture, int sx, int sy) {
  const Sample& sample = picture.samples[sy * 2 * picture.width + sx];
  const int x = sx / 2;
  const int y = sy / 2;
  const int at = y * picture.width + x;
  const Scene& scene = *picture.scene;
  Look look{};
  look.n = sample.normal;
  look.up = dot(sample.normal, {scene.right.y, scene.up.y, -scene.forward.y});
  look.near = saturate((sample.nearness - picture.lowest) / fmaxf(picture.highest - picture.lowest, 1e-6F));
  look.sky = sample.object == -1;
  look.ao = picture.open[at];
  // Where there is little but outlines, as in foliage, they would cover what they are of.
  const float fewer = 1.0F - 0.8F * smoothstep(0.25F, 0.55F, picture.aura[at]);
  look.edge = picture.edge[at] * fewer;
  look.halo = picture.halo[at] * fewer;
  look.aura = picture.aura[at] * fewer;
  look.x = (static_cast<float>(sx) + 0.5F) * 0.5F;
  look.y = (static_cast<float>(sy) + 0.5F) * 0.5F;
  look.u = look.x / static_cast<float>(picture.width);
  look.v = look.y / static_cast<float>(picture.height);
  const int rows = picture.height / 8;
  const int columns = picture.width / 8;
  for (int i = 0; i < 4; ++i) {
    look.g[i] = grain(picture.fine + i * rows * columns, rows, columns, look.x, look.y, 8.0F);
    look.c[i] = grain(picture.coarse + i * (rows / 4) * (columns / 4), rows / 4, columns / 4, look.x, look.y, 32.0F);
  }
  return look;
}

/// Panes of about 32 pixels around points that the coarse noise moves: how far the next pane is, and this one's hue.
RENDER_FN void panes(const Picture& picture, float x, float y, float& hue, float& border) {
  const int rows = picture.height / 32;
  const int columns = picture.width / 32;
  const int size = rows * columns;
  const int cx = static_cast<int>(floorf(x / 32.0F));
  const int cy = static_cast<int>(floorf(y / 32.0F));
  float first = 1e9F;
  float second = 1e9F;
  for (int iy = cy - 1; iy <= cy + 1; ++iy) {
    for (int ix = cx - 1; ix <= cx + 1; ++ix) {
      if (ix < 0 || iy < 0 || ix >= columns || iy >= rows) continue;
      const float* cell = picture.coarse + iy * columns + ix;
      const float px = 32.0F * (static_cast<float>(ix) + 0.5F + 0.3F * clamp(cell[0], -1.4F, 1.4F));
      const float py = 32.0F * (static_cast<float>(iy) + 0.5F + 0.3F * clamp(cell[size], -1.4F, 1.4F));
      const float away = sqrtf((x - px) * (x - px) + (y - py) * (y - py));
      if (away < first) {
        second = first;
        first = away;
        hue = cell[2 * size];
      } else if (away < second) {
        second = away;
      }
    }
  }
  border = second - first;
}

RENDER_FN Vec paint(const Picture& picture, int style, int sx, int sy) {
  if (style == kMosaic) {
    Look tile = look_at(picture, (sx & ~15) + 8, (sy & ~15) + 8);
    tile.x = (static_cast<float>(sx) + 0.5F) * 0.5F;
    tile.y = (static_cast<float>(sy) + 0.5F) * 0.5F;
    return mosaic(tile);
  }
  const Look look = look_at(picture, sx, sy);
  switch (style) {
    case kWatercolour:
      return watercolour(look);
    case kInk:
      return ink(look);
    case kNeon:
      return neon(look);
    case kSnow:
      return snow(look);
    case kDesert:
      return desert(look);
    case kLava:
      return lava(look);
    case kUnderwater:
      return underwater(look);
    case kGold:
      return gold(look);
    case kWoodCarving:
      return wood_carving(look);
    case kClay:
      return clay(look);
    case kGlass: {
      float hue = 0.0F;
      float border = 0.0F;
      panes(picture, look.x, look.y, hue, border);
      return stained_glass(look, hue, 1.0F - smoothstep(1.0F, 2.6F, border));
    }
    case kBlueprint:
      return blueprint(look);
    case kJade:
      return jade(look);
    default:
      return illustration(look);
  }
}

/// Outlines and creases at a pixel. Along a plane 1 / distance is linear in the picture, so its second difference
/// shows where one surface ends before another.
RENDER_FN float outline(const Picture& picture, int x, int y, int reach) {
  const int columns = 2 * picture.width;
  const int rows = 2 * picture.height;
  const auto at = [&](int dx, int dy) -> const Sample& {
    const int sx = 2 * x + dx;
    const int sy = 2 * y + dy;
    return picture.samples[(sy < 0 ? 0 : (sy >= rows ? rows - 1 : sy)) * columns +
                           (sx < 0 ? 0 : (sx >= columns ? columns - 1 : sx))];
  };
  const Sample& here = at(0, 0);
  const float span = fmaxf(picture.highest - picture.lowest, 1e-6F);
  float strongest = 0.0F;
  for (int i = 0; i < 4; ++i) {
    const int dx = i == 0 || i == 3 ? reach : (i == 2 ? reach : 0);
    const int dy = i == 1 ? reach : (i == 2 ? reach : (i == 3 ? -reach : 0));
    const Sample& a = at(dx, dy);
    const Sample& b = at(-dx, -dy);
    const float bend = fabsf(a.nearness + b.nearness - 2.0F * here.nearness);
    const float step = bend / span + 0.04F * bend / (here.nearness + 0.1F * span);
    strongest = fmaxf(strongest, smoothstep(0.006F, 0.025F, step));
    if (a.object == -1 || b.object == -1) continue;
    const float turn = 1.0F - dot(a.normal, b.normal);
    const float seen = smoothstep(0.0F, 0.15F, (here.nearness - picture.lowest) / span);
    strongest = fmaxf(strongest, 0.7F * seen * smoothstep(0.3F, 0.8F, turn));
  }
  return strongest;
}

/// 1 where nothing near stands before the surface, down to 0.
RENDER_FN float openness(const Picture& picture, int x, int y) {
  const int columns = 2 * picture.width;
  const int rows = 2 * picture.height;
  const int sx = 2 * x;
  const int sy = 2 * y;
  const Sample& here = picture.samples[sy * columns + sx];
  if (here.object == -1) return 1.0F;
  const float scale = 2.0F * picture.scene->tangent / static_cast<float>(picture.height);
  const float right = (static_cast<float>(x) - 0.5F * static_cast<float>(picture.width)) * scale;
  const float up = (0.5F * static_cast<float>(picture.height) - static_cast<float>(y)) * scale;
  const float facing = fminf(here.normal.x * right + here.normal.y * up - here.normal.z, -0.05F);
  float closed = 0.0F;
  for (int i = 0; i < 16; ++i) {
    const float turn = static_cast<float>(i) * 2.39996F;
    const float far = static_cast<float>(picture.height) * (0.006F + 0.006F * static_cast<float>(i));
    const float ox = cosf(turn) * far;
    const float oy = sinf(turn) * far;
    const int px = sx + static_cast<int>(2.0F * ox);
    const int py = sy + static_cast<int>(2.0F * oy);
    if (px < 0 || py < 0 || px >= columns || py >= rows) continue;
    const Sample& there = picture.samples[py * columns + px];
    // The surface's own plane continued: how much its nearness would change on the way.
    const float slope = (there.nearness - here.nearness) / (here.nearness + 1e-6F);
    const float own = scale * (here.normal.x * ox - here.normal.y * oy) / facing;
    const float rise = slope - own;
    closed += smoothstep(0.01F, 0.06F, rise) * (1.0F - smoothstep(0.25F, 0.8F, rise));
  }
  return 1.0F - closed / 16.0F;
}

}  // namespace render
