// What is written of the nearest triangles: depth, shares of the corners, interpolated values.
#pragma once
#include <algorithm>
#include <cstdint>

#include "triangles.h"

namespace face3dmm {
namespace {

// Pixels [first, last) of one row that show one triangle.
struct Run {
  const int64_t* face;
  int row, first, last;
};

// Along a row, corner k's part of 1 / depth is at[k] + step[k] * x, but for a factor that is the same for all three.
struct Parts {
  double at[3], step[3];

  Parts(const Corners& corners, const Run& run) {
    const double y = run.row + 0.5;
    for (int k = 0; k < 3; ++k) {
      const int64_t from = run.face[(k + 1) % 3], to = run.face[(k + 2) % 3];
      const double rise = corners.y[to] - corners.y[from], inverse = corners.inverse[run.face[k]];
      const double across = (corners.x[to] - corners.x[from]) * (y - corners.y[from]);
      at[k] = (across + rise * corners.x[from]) * inverse;
      step[k] = -rise * inverse;
    }
  }
  // Shares of the corners in the four pixels from `column` on; they sum to 1.
  void shares(int column, Doubles share[3]) const {
    const Doubles x = column + 0.5 + Doubles{0, 1, 2, 3};
    for (int k = 0; k < 3; ++k) share[k] = at[k] + step[k] * x;
    const Doubles scale = 1.0 / (share[0] + share[1] + share[2]);
    for (int k = 0; k < 3; ++k) share[k] *= scale;
  }
};

inline void write_shares(const Corners& corners, const Run& run, float* row) {
  const Parts parts(corners, run);
  for (int column = run.first; column < run.last; column += FOUR) {
    Doubles share[3];
    parts.shares(column, share);
    for (int i = 0; i < FOUR && column + i < run.last; ++i)
      for (int k = 0; k < 3; ++k) row[3 * (column + i) + k] = float(share[k][i]);
  }
}

// `row`: channel 0 of the row. Runs come from left to right, so that what is written over the end of one is written
// again by the next; only the picture's edge must be kept.
inline void write_colours(const Corners& corners, const Run& run, const RasterParams& p, float* row) {
  const Parts parts(corners, run);
  const int64_t plane = p.height * p.width;
  const float *a = p.attributes + run.face[0] * p.channels, *b = p.attributes + run.face[1] * p.channels,
              *c = p.attributes + run.face[2] * p.channels;
  for (int column = run.first; column < run.last; column += FOUR) {
    Doubles share[3];
    parts.shares(column, share);
    const size_t room = sizeof(float) * std::min<int64_t>(FOUR, p.width - column);
    for (int64_t channel = 0; channel < p.channels; ++channel) {
      const Doubles value =
          share[0] * double(a[channel]) + share[1] * double(b[channel]) + share[2] * double(c[channel]);
      const Floats out = __builtin_convertvector(value, Floats);
      float* to = row + channel * plane + column;
      if (room == sizeof(out))
        __builtin_memcpy(to, &out, sizeof(out));
      else
        __builtin_memcpy(to, &out, room);
    }
  }
}

// Rows [top, bottom) of a frame, from the nearest triangle and its inverse depth at each pixel.
inline void write_band(const RasterParams& p, int64_t frame, const Corners& corners, int top, int bottom,
                       const float* nearest, const int32_t* index) {
  const int width = int(p.width);
  const int64_t plane = p.height * p.width, start = frame * plane + int64_t(top) * width;
  const int64_t count = int64_t(bottom - top) * width;
  if (p.index) std::copy(index, index + count, p.index + start);
  if (p.depth) {
    for (int64_t i = 0; i < count; ++i) p.depth[start + i] = 1.0f / nearest[i];  // 1 / 0 is infinity, as promised
  }
  if (p.barycentric) std::fill(p.barycentric + 3 * start, p.barycentric + 3 * (start + count), 0.0f);
  if (!p.barycentric && !p.picture) return;
  for (int row = top; row < bottom; ++row) {
    const int32_t* numbers = index + int64_t(row - top) * width;
    const int64_t pixel = int64_t(row) * width;
    float* picture = p.picture ? p.picture + frame * p.channels * plane + pixel : nullptr;
    for (int first = 0, last; first < width; first = last) {
      const int32_t number = numbers[first];
      for (last = first + 1; last < width && numbers[last] == number;) ++last;
      if (number < 0) {
        for (int64_t c = 0; picture && c < p.channels; ++c)
          std::fill(picture + c * plane + first, picture + c * plane + last, p.background);
        continue;
      }
      const Run run{p.faces + 3 * int64_t(number), row, first, last};
      if (p.barycentric) write_shares(corners, run, p.barycentric + 3 * (frame * plane + pixel));
      if (picture) write_colours(corners, run, p, picture);
    }
  }
}

}  // namespace
}  // namespace face3dmm
