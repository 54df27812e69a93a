// The corners of a mesh and its triangles, four at a time, as the z-buffer needs them.
//
// The arithmetic is written out exactly as in raster_reference.py (double edges, inverse depth linear along a row), so
// that both decide alike for every pixel; it is compiled without contraction into fused multiply-adds for that reason.
#pragma once
#include <cstdint>
#include <vector>

#include "raster.h"

namespace face3dmm {
namespace {

constexpr int FOUR = 4;
using Doubles = double __attribute__((vector_size(FOUR * sizeof(double))));
using Longs = int64_t __attribute__((vector_size(FOUR * sizeof(int64_t))));
using Floats = float __attribute__((vector_size(FOUR * sizeof(float))));
using Ints = int32_t __attribute__((vector_size(FOUR * sizeof(int32_t))));

inline Doubles smaller(Doubles a, Doubles b) { return a < b ? a : b; }
inline Doubles larger(Doubles a, Doubles b) { return a > b ? a : b; }

// The vertices of one frame, one line of memory each.
struct Corners {
  struct Corner {
    double x, y, inverse, unused;  // inverse: 1 / depth; 0 for a vertex that is not finite or not in front

    Doubles load() const {
      typedef double Unaligned __attribute__((vector_size(sizeof(Doubles)), aligned(alignof(double)), may_alias));
      return *reinterpret_cast<const Unaligned*>(this);
    }
  };
  std::vector<Corner> all;

  void read(const RasterParams& p, int64_t frame) {
    const int64_t count = p.vertex_count;
    all.resize(count);
    const float* vertex = p.vertices + frame * count * 3;
    Corner* to = all.data();
    for (int64_t i = 0; i < count; ++i) {
      const float vx = vertex[3 * i], vy = vertex[3 * i + 1], vz = vertex[3 * i + 2];
      // Infinity minus itself is nan.
      const bool good = (vx - vx == 0) & (vy - vy == 0) & (vz - vz == 0) & (vz > 0);
      const double part = 1.0 / double(vz);
      to[i] = {good ? double(vx) : 0.0, good ? double(vy) : 0.0, good ? part : 0.0, 0.0};
    }
  }
};

// One corner of four triangles.
struct FourCorners {
  Doubles x, y, inverse;

  FourCorners() = default;
  FourCorners(const Corners& corners, const int64_t at[FOUR]) {
    const Corners::Corner* all = corners.all.data();
    const Doubles a = all[at[0]].load(), b = all[at[1]].load(), c = all[at[2]].load(), d = all[at[3]].load();
    const Longs even{0, 4, 2, 6}, odd{1, 5, 3, 7}, low{0, 1, 4, 5}, high{2, 3, 6, 7};
    const Doubles x01 = __builtin_shuffle(a, b, even), x23 = __builtin_shuffle(c, d, even);
    const Doubles y01 = __builtin_shuffle(a, b, odd), y23 = __builtin_shuffle(c, d, odd);
    x = __builtin_shuffle(x01, x23, low);
    y = __builtin_shuffle(y01, y23, low);
    inverse = __builtin_shuffle(x01, x23, high);
  }
};

// Four triangles in the picture, one per lane. Edge k runs between the other two corners; its value at a pixel is
// run[k] * (y - from_y[k]) - rise[k] * (x - from_x[k]), and times weight[k] the share of corner k in 1 / depth.
// Pixel centres between two corners lie in columns [left, right] and rows [upper, lower]; an empty lane has no rows.
struct Four {
  Doubles run[3], rise[3], from_x[3], from_y[3], weight[3], sign;
  Ints left, right, upper, lower;

  // `faces`: the corners' numbers of `count` triangles.
  void set(const Corners& corners, const int64_t* faces, int count, int width, int top, int bottom) {
    const int64_t* face[FOUR];
    for (int i = 0; i < FOUR; ++i) face[i] = faces + 3 * (i < count ? i : 0);
    Doubles x[3], y[3], inverse[3];
    for (int k = 0; k < 3; ++k) {
      const int64_t at[FOUR] = {face[0][k], face[1][k], face[2][k], face[3][k]};
      const FourCorners corner(corners, at);
      x[k] = corner.x, y[k] = corner.y, inverse[k] = corner.inverse;
    }
    const Doubles area = (x[1] - x[0]) * (y[2] - y[0]) - (y[1] - y[0]) * (x[2] - x[0]);
    const Longs good = (inverse[0] > 0) & (inverse[1] > 0) & (inverse[2] > 0) & (area != 0);
    sign = area > 0 ? Doubles{1, 1, 1, 1} : Doubles{-1, -1, -1, -1};
    const Doubles inverse_area = 1.0 / area;
    for (int k = 0; k < 3; ++k) {
      const int from = (k + 1) % 3, to = (k + 2) % 3;
      run[k] = x[to] - x[from], rise[k] = y[to] - y[from];
      from_x[k] = x[from], from_y[k] = y[from];
      weight[k] = inverse_area * inverse[k];
    }
    left = up(smaller(smaller(x[0], x[1]), x[2]), 0, width);
    right = down(larger(larger(x[0], x[1]), x[2]), 0, width - 1);
    upper = up(smaller(smaller(y[0], y[1]), y[2]), top, bottom);
    lower = down(larger(larger(y[0], y[1]), y[2]), top, bottom - 1);
    lower = __builtin_convertvector(good, Ints) & (left <= right) ? lower : upper - 1;
  }

  // Along a row, 1 / depth is start(y) + slope() * x, and edge k holds where limit[k] >= rise[k] * (x - from_x[k]) * sign.
  Doubles slope() const { return -rise[0] * weight[0] + -rise[1] * weight[1] + -rise[2] * weight[2]; }
  Doubles start(Doubles y, Doubles limit[3]) const {
    Doubles part[3];
    for (int k = 0; k < 3; ++k) {
      const Doubles at_row = run[k] * (y - from_y[k]);
      part[k] = (at_row + rise[k] * from_x[k]) * weight[k];
      limit[k] = at_row * sign;
    }
    return part[0] + part[1] + part[2];
  }

 private:
  // The first pixel centre at or after `value`, and the last at or before it, within limits: a far-away vertex must not
  // overflow.
  static Ints up(Doubles value, int least, int most) {
    const Doubles at = smaller(larger(value - 0.5, Doubles{} + (least - 1)), Doubles{} + most);
    const Ints whole = __builtin_convertvector(at, Ints);
    const Ints next = whole - __builtin_convertvector(at > __builtin_convertvector(whole, Doubles), Ints);
    return next > least ? next : Ints{} + least;
  }
  static Ints down(Doubles value, int least, int most) {
    const Doubles at = smaller(larger(value - 0.5, Doubles{} + (least - 1)), Doubles{} + most);
    const Ints whole = __builtin_convertvector(at, Ints);
    return whole + __builtin_convertvector(at < __builtin_convertvector(whole, Doubles), Ints);
  }
};

}  // namespace
}  // namespace face3dmm
