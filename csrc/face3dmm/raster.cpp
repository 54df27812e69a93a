// One band of rows of one frame is one unit of work: frames and bands run in parallel and share nothing.
//
// The arithmetic is written out exactly as in raster_reference.py (double edges, inverse depth linear along a row), so that both
// decide alike for every pixel; the file is compiled without contraction into fused multiply-adds for that reason.
#include "raster.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace face3dmm {
namespace {

// A vertex as triangles need it. Pixel centres between two corners: from the least `first` to the greatest `last`.
struct Corner {
  double x, y, inverse;  // 1 / depth; 0 for a vertex that is not finite or not in front
  int first_column, last_column, first_row, last_row;
};

// The next whole number up and down, within limits, so that a far-away vertex does not overflow. Without SSE4.1
// std::ceil is a call.
void between(double value, int limit, int& up, int& down) {
  const double at = std::min(std::max(value, -2.0), limit + 1.0);
  const int whole = int(at);
  up = whole + (at > whole), down = whole - (at < whole);
}

void read_corners(const RasterParams& p, int64_t frame, std::vector<Corner>& corners) {
  corners.resize(p.vertex_count);
  const float* vertex = p.vertices + frame * p.vertex_count * 3;
  for (Corner& corner : corners) {
    const double x = vertex[0], y = vertex[1], z = vertex[2];
    vertex += 3;
    corner.x = x, corner.y = y;
    const bool good = std::isfinite(x) && std::isfinite(y) && std::isfinite(z) && z > 0;
    corner.inverse = good ? 1.0 / z : 0.0;
    if (!good) {
      corner.first_column = corner.first_row = corner.last_column = corner.last_row = 0;
      continue;
    }
    between(x - 0.5, int(p.width), corner.first_column, corner.last_column);
    between(y - 0.5, int(p.height), corner.first_row, corner.last_row);
  }
}

// A triangle in the picture. Edge k runs between the other two corners; its value at a pixel is
// run[k] * (y - from_y[k]) - rise[k] * (x - from_x[k]), and times weight[k] the share of corner k in 1 / depth.
struct Triangle {
  double run[3], rise[3], from_x[3], from_y[3], weight[3], sign;

  // Returns false for a triangle without an area or with a corner that is not in front.
  bool set(const Corner& a, const Corner& b, const Corner& c) {
    const double area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    if (!(a.inverse > 0 && b.inverse > 0 && c.inverse > 0) || area == 0) return false;
    sign = area > 0 ? 1.0 : -1.0;
    const double inverse_area = 1.0 / area;
    const Corner* corner[3] = {&a, &b, &c};
    for (int k = 0; k < 3; ++k) {
      const Corner &from = *corner[(k + 1) % 3], &to = *corner[(k + 2) % 3];
      run[k] = to.x - from.x, rise[k] = to.y - from.y;
      from_x[k] = from.x, from_y[k] = from.y;
      weight[k] = inverse_area * corner[k]->inverse;
    }
    return true;
  }

  bool inside(int edge, double at_row, int column) const {
    return (at_row - rise[edge] * (column + 0.5 - from_x[edge])) * sign >= 0;
  }

  // Narrows columns [first, last] of a row to those whose centres are inside; empty if last < first. Rounding keeps
  // each edge's value monotonous along the row, so testing around the crossing decides exactly as testing every
  // pixel would.
  void span(double y, int& first, int& last) const {
    for (int k = 0; k < 3 && first <= last; ++k) {
      const double at_row = run[k] * (y - from_y[k]);
      if (rise[k] == 0) {
        if (at_row * sign < 0) last = first - 1;
        continue;
      }
      // A few columns are walked from their end; in a wide triangle the search starts at the crossing.
      const bool cuts_right = rise[k] * sign > 0;
      int column = cuts_right ? last : first;
      if (last - first > NARROW) {
        const double crossing = from_x[k] + at_row / rise[k] - 0.5;
        column = int(std::min(std::max(crossing, double(first)), double(last)));
      }
      if (cuts_right) {
        while (column < last && inside(k, at_row, column + 1)) ++column;
        while (column >= first && !inside(k, at_row, column)) --column;
        last = column;
      } else {
        while (column > first && inside(k, at_row, column - 1)) --column;
        while (column <= last && !inside(k, at_row, column)) ++column;
        first = column;
      }
    }
  }

  // Along a row, the share of each corner in 1 / depth is at[k] + step[k] * x.
  void along(double y, double at[3], double step[3]) const {
    for (int k = 0; k < 3; ++k) {
      at[k] = (run[k] * (y - from_y[k]) + rise[k] * from_x[k]) * weight[k];
      step[k] = -rise[k] * weight[k];
    }
  }

 private:
  static constexpr int NARROW = 6;
};

constexpr int FOUR = 4;
using Doubles = double __attribute__((vector_size(FOUR * sizeof(double))));
using Longs = int64_t __attribute__((vector_size(FOUR * sizeof(int64_t))));
using Floats = float __attribute__((vector_size(FOUR * sizeof(float))));
using Ints = int32_t __attribute__((vector_size(FOUR * sizeof(int32_t))));

// The rows [top, bottom) of one frame: what is nearest in each pixel. Both buffers have FOUR more elements.
struct Band {
  int width, top, bottom;
  const std::vector<Corner>& corners;
  float* nearest;  // inverse depth
  int32_t* index;

  void draw(int32_t number, const int64_t* face) const {
    const Corner &a = corners[face[0]], &b = corners[face[1]], &c = corners[face[2]];
    const int left = std::max(std::min({a.first_column, b.first_column, c.first_column}), 0);
    const int right = std::min(std::max({a.last_column, b.last_column, c.last_column}), width - 1);
    const int upper = std::max(std::min({a.first_row, b.first_row, c.first_row}), top);
    const int lower = std::min(std::max({a.last_row, b.last_row, c.last_row}), bottom - 1);
    Triangle triangle;
    if (left > right || upper > lower || !triangle.set(a, b, c)) return;
    if (right - left < FOUR) return draw_narrow(number, triangle, left, right, upper, lower);
    for (int row = upper; row <= lower; ++row) {
      int first = left, last = right;
      triangle.span(row + 0.5, first, last);
      if (first > last) continue;
      double at[3], step[3];
      triangle.along(row + 0.5, at, step);
      const double start = at[0] + at[1] + at[2], slope = step[0] + step[1] + step[2];
      float* nearest_row = nearest + int64_t(row - top) * width;
      int32_t* index_row = index + int64_t(row - top) * width;
      for (int column = first; column <= last; ++column) {
        const float inverse = float(start + slope * (column + 0.5));
        const bool nearer = inverse > nearest_row[column];
        nearest_row[column] = nearer ? inverse : nearest_row[column];
        index_row[column] = nearer ? number : index_row[column];
      }
    }
  }

 private:
  // A triangle of up to four columns, all columns of a row at once and without branches: most triangles of a dense mesh
  // are such, and guesses about their edges would mostly be wrong. The same numbers as in `Triangle`: signs only.
  void draw_narrow(int32_t number, const Triangle& t, int left, int right, int upper, int lower) const {
    const Doubles x = left + 0.5 + Doubles{0, 1, 2, 3};
    const Longs real = Longs{0, 1, 2, 3} <= int64_t(right - left);
    Doubles across[3];
    double step = 0;
    for (int k = 0; k < 3; ++k) {
      across[k] = t.rise[k] * (x - t.from_x[k]) * t.sign;
      step = k ? step + -t.rise[k] * t.weight[k] : -t.rise[k] * t.weight[k];
    }
    const Doubles along_row = step * x;
    for (int row = upper; row <= lower; ++row) {
      const double y = row + 0.5;
      Longs seen = real;
      double start = 0;
      for (int k = 0; k < 3; ++k) {
        const double at_row = t.run[k] * (y - t.from_y[k]);
        seen &= at_row * t.sign - across[k] >= 0;
        const double at = (at_row + t.rise[k] * t.from_x[k]) * t.weight[k];
        start = k ? start + at : at;
      }
      const Floats inverse = __builtin_convertvector(start + along_row, Floats);
      float* nearest_row = nearest + int64_t(row - top) * width + left;
      int32_t* index_row = index + int64_t(row - top) * width + left;
      Floats old;
      Ints numbers;
      __builtin_memcpy(&old, nearest_row, sizeof(old));
      __builtin_memcpy(&numbers, index_row, sizeof(numbers));
      const Ints nearer = __builtin_convertvector(seen, Ints) & (inverse > old);
      old = nearer ? inverse : old;
      numbers = nearer ? number : numbers;
      __builtin_memcpy(nearest_row, &old, sizeof(old));
      __builtin_memcpy(index_row, &numbers, sizeof(numbers));
    }
  }
};

// Values of a run of pixels that show one triangle.
struct Run {
  const Triangle& triangle;
  const int64_t* face;
  int row, first, last;  // columns [first, last)
};

void write_shares(const Run& run, float* out) {
  double at[3], step[3];
  run.triangle.along(run.row + 0.5, at, step);
  for (int column = run.first; column < run.last; ++column, out += 3) {
    const double x = column + 0.5;
    const double part[3] = {at[0] + step[0] * x, at[1] + step[1] * x, at[2] + step[2] * x};
    const double scale = 1.0 / (part[0] + part[1] + part[2]);
    for (int k = 0; k < 3; ++k) out[k] = float(part[k] * scale);
  }
}

void write_colours(const Run& run, const RasterParams& p, double* scale, float* out) {
  double at[3], step[3];
  run.triangle.along(run.row + 0.5, at, step);
  const double total = at[0] + at[1] + at[2], total_step = step[0] + step[1] + step[2];
  const int count = run.last - run.first;
  const double x = run.first + 0.5;
  for (int i = 0; i < count; ++i) scale[i] = 1.0 / (total + total_step * (x + i));
  for (int64_t c = 0; c < p.channels; ++c, out += p.height * p.width) {
    double value = 0, value_step = 0;
    for (int k = 0; k < 3; ++k) {
      const double corner = p.attributes[run.face[k] * p.channels + c];
      value += at[k] * corner, value_step += step[k] * corner;
    }
    for (int i = 0; i < count; ++i) out[i] = float((value + value_step * (x + i)) * scale[i]);
  }
}

void write_band(const RasterParams& p, int64_t frame, const Band& band) {
  const int top = band.top, bottom = band.bottom;
  const float* nearest = band.nearest;
  const int32_t* index = band.index;
  const int width = int(p.width);
  const int64_t plane = p.height * p.width, start = frame * plane + int64_t(top) * width;
  const int64_t count = int64_t(bottom - top) * width;
  if (p.index) std::copy(index, index + count, p.index + start);
  if (p.depth) {
    for (int64_t i = 0; i < count; ++i) p.depth[start + i] = 1.0f / nearest[i];  // 1 / 0 is infinity, as promised
  }
  if (p.barycentric) std::fill(p.barycentric + 3 * start, p.barycentric + 3 * (start + count), 0.0f);
  if (p.picture) {
    for (int64_t c = 0; c < p.channels; ++c) {
      float* rows = p.picture + (frame * p.channels + c) * plane + int64_t(top) * width;
      std::fill(rows, rows + count, p.background);
    }
  }
  if (!p.barycentric && !p.picture) return;
  std::vector<double> scale(width);
  for (int row = top; row < bottom; ++row) {
    const int32_t* numbers = index + int64_t(row - top) * width;
    for (int first = 0, last; first < width; first = last) {
      const int32_t number = numbers[first];
      for (last = first + 1; last < width && numbers[last] == number;) ++last;
      if (number < 0) continue;
      const int64_t* face = p.faces + 3 * int64_t(number);
      Triangle triangle;
      triangle.set(band.corners[face[0]], band.corners[face[1]], band.corners[face[2]]);
      const Run run{triangle, face, row, first, last};
      const int64_t pixel = int64_t(row) * width + first;
      if (p.barycentric) write_shares(run, p.barycentric + 3 * (frame * plane + pixel));
      if (p.picture) write_colours(run, p, scale.data(), p.picture + frame * p.channels * plane + pixel);
    }
  }
}

#if defined(__x86_64__) && defined(__gnu_linux__)
__attribute__((target_clones("avx2", "default"), flatten))
#endif
void draw_band(const RasterParams& p, int64_t frame, int top, int bottom) {
  const size_t size = size_t(bottom - top) * size_t(p.width);
  // Kept between calls: fresh memory of this size would cost as much as the drawing.
  thread_local std::vector<float> nearest;
  thread_local std::vector<int32_t> index;
  thread_local std::vector<Corner> corners;
  nearest.assign(size + FOUR, 0.0f);  // inverse depth: 0 is infinitely far
  index.assign(size + FOUR, -1);
  read_corners(p, frame, corners);
  const Band band{int(p.width), top, bottom, corners, nearest.data(), index.data()};
  for (int64_t f = 0; f < p.face_count; ++f) band.draw(int32_t(f), p.faces + 3 * f);
  write_band(p, frame, band);
}

}  // namespace

void rasterize(const RasterParams& params) {
  if (params.frames == 0 || params.height == 0 || params.width == 0) return;
  int64_t bands = 1;
#ifdef _OPENMP
  // Few frames: cut them into bands so that every thread has work. Many frames: one band each, no repeated set-up.
  bands = (omp_get_max_threads() + params.frames - 1) / params.frames;
#endif
  bands = std::min(bands, params.height);
#pragma omp parallel for schedule(dynamic)
  for (int64_t unit = 0; unit < params.frames * bands; ++unit) {
    const int64_t frame = unit / bands, band = unit % bands;
    const int top = int(params.height * band / bands), bottom = int(params.height * (band + 1) / bands);
    draw_band(params, frame, top, bottom);
  }
}

}  // namespace face3dmm
