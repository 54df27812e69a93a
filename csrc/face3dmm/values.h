// What is written of the nearest triangles: number, depth, shares of the corners, interpolated values.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "triangles.h"

namespace face3dmm {
namespace {

// The triangles that four neighbouring pixels of a row show, and the shares of their corners there, which sum to 1.
struct FourPixels {
  const int64_t* face[FOUR];
  Longs shown;
  Doubles share[3];

  // Pixels that show nothing take the first triangle, so that there is something to compute with.
  FourPixels(const RasterParams& p, const Corners& corners, const int64_t* keys, int row, int column) {
    Longs key;
    std::memcpy(&key, keys, sizeof(key));
    shown = key != 0;
    for (int i = 0; i < FOUR; ++i) face[i] = p.faces + 3 * int64_t(key[i] ? uint32_t(~key[i]) : 0);
    FourCorners corner[3];
    for (int k = 0; k < 3; ++k) {
      const int64_t at[FOUR] = {face[0][k], face[1][k], face[2][k], face[3][k]};
      corner[k] = FourCorners(corners, at);
    }
    const double y = row + 0.5;
    const Doubles x = column + 0.5 + Doubles{0, 1, 2, 3};
    for (int k = 0; k < 3; ++k) {
      const FourCorners &from = corner[(k + 1) % 3], &to = corner[(k + 2) % 3];
      const Doubles rise = to.y - from.y, across = (to.x - from.x) * (y - from.y);
      share[k] = (across + rise * from.x) * corner[k].inverse - rise * corner[k].inverse * x;
    }
    const Doubles scale = 1.0 / (share[0] + share[1] + share[2]);
    for (int k = 0; k < 3; ++k) share[k] *= scale;
  }

  // `to`: (count, 3) shares, 0 where nothing is shown.
  void write_shares(int count, float* to) const {
    for (int i = 0; i < count; ++i)
      for (int k = 0; k < 3; ++k) to[3 * i + k] = shown[i] ? float(share[k][i]) : 0.0f;
  }

  // One channel of the vertices' values, interpolated.
  Floats value(const RasterParams& p, int64_t channel) const {
    Doubles sum{};
    for (int k = 0; k < 3; ++k) {
      const float* at = p.attributes + channel;
      const int64_t step = p.channels;
      const Floats here{at[face[0][k] * step], at[face[1][k] * step], at[face[2][k] * step], at[face[3][k] * step]};
      sum += share[k] * __builtin_convertvector(here, Doubles);
    }
    const Floats found = __builtin_convertvector(sum, Floats);
    return __builtin_convertvector(shown, Ints) ? found : Floats{} + p.background;
  }
};

// Pixels [column, column + count) of a row; `pixel` is the number of the first in its frame.
inline void write_four(const RasterParams& p, int64_t frame, const Corners& corners, const int64_t* keys, int row,
                       int column, int count) {
  const int64_t plane = p.height * p.width, pixel = int64_t(row) * p.width + column;
  float* shares = p.barycentric ? p.barycentric + 3 * (frame * plane + pixel) : nullptr;
  float* picture = p.picture ? p.picture + frame * p.channels * plane + pixel : nullptr;
  if (!(keys[0] | keys[1] | keys[2] | keys[3])) {
    if (shares) std::fill_n(shares, 3 * count, 0.0f);
    for (int64_t c = 0; picture && c < p.channels; ++c) std::fill_n(picture + c * plane, count, p.background);
    return;
  }
  const FourPixels four(p, corners, keys, row, column);
  if (shares) four.write_shares(count, shares);
  for (int64_t c = 0; picture && c < p.channels; ++c) {
    const Floats value = four.value(p, c);
    if (count == FOUR)
      std::memcpy(picture + c * plane, &value, sizeof(value));
    else
      std::memcpy(picture + c * plane, &value, sizeof(float) * count);
  }
}

// Rows [top, bottom) of a frame, from the key of each pixel (see `Band`); FOUR more keys may be read.
inline void write_band(const RasterParams& p, int64_t frame, const Corners& corners, int top, int bottom,
                       const int64_t* keys) {
  const int width = int(p.width);
  const int64_t start = (frame * p.height + top) * width, count = int64_t(bottom - top) * width;
  if (p.index)
    for (int64_t i = 0; i < count; ++i) p.index[start + i] = int32_t(~keys[i]);
  if (p.depth)
    for (int64_t i = 0; i < count; ++i) {
      const int32_t bits = int32_t(keys[i] >> 32);
      float inverse;
      std::memcpy(&inverse, &bits, sizeof(inverse));
      p.depth[start + i] = 1.0f / inverse;  // 1 / 0 is infinity, as promised
    }
  if (!p.barycentric && !p.picture) return;
  for (int row = top; row < bottom; ++row, keys += width)
    for (int column = 0; column < width; column += FOUR)
      write_four(p, frame, corners, keys + column, row, column, std::min(FOUR, width - column));
}

}  // namespace
}  // namespace face3dmm
