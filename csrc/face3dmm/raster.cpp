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

// A triangle in the picture. Edge k runs between the other two corners; its value at a pixel is
// run[k] * (y - from_y[k]) - rise[k] * (x - from_x[k]), and times weight[k] the share of corner k in 1 / depth.
struct Triangle {
  double run[3], rise[3], inverse_rise[3], from_x[3], from_y[3], weight[3], sign;
  int x0, x1, y0, y1;  // pixels that its bounding box touches, inside the picture

  bool set(const float* vertices, const int64_t* face, int width, int top, int bottom) {
    double x[3], y[3], z[3];
    for (int k = 0; k < 3; ++k) {
      const float* corner = vertices + 3 * face[k];
      x[k] = corner[0], y[k] = corner[1], z[k] = corner[2];
      if (!(std::isfinite(x[k]) && std::isfinite(y[k]) && std::isfinite(z[k]) && z[k] > 0)) return false;
    }
    // Bounds are clamped before they become integers: a far-away corner must not overflow.
    const double left = std::max(std::ceil(std::min({x[0], x[1], x[2]}) - 0.5), 0.0);
    const double right = std::min(std::floor(std::max({x[0], x[1], x[2]}) - 0.5), width - 1.0);
    const double upper = std::max(std::ceil(std::min({y[0], y[1], y[2]}) - 0.5), double(top));
    const double lower = std::min(std::floor(std::max({y[0], y[1], y[2]}) - 0.5), bottom - 1.0);
    if (left > right || upper > lower) return false;
    const double area = (x[1] - x[0]) * (y[2] - y[0]) - (y[1] - y[0]) * (x[2] - x[0]);
    if (area == 0) return false;
    x0 = int(left), x1 = int(right), y0 = int(upper), y1 = int(lower);
    sign = area > 0 ? 1.0 : -1.0;
    for (int k = 0; k < 3; ++k) {
      const int a = (k + 1) % 3, b = (k + 2) % 3;
      run[k] = x[b] - x[a], rise[k] = y[b] - y[a];
      inverse_rise[k] = 1.0 / rise[k];
      from_x[k] = x[a], from_y[k] = y[a];
      weight[k] = 1.0 / (area * z[k]);
    }
    return true;
  }

  bool inside(int edge, double at_row, int column) const {
    return (at_row - rise[edge] * (column + 0.5 - from_x[edge])) * sign >= 0;
  }

  // Columns [first, last] of a row whose centres are inside; empty if last < first. Rounding keeps each edge's value
  // monotonous along the row, so testing around the crossing decides exactly as testing every pixel would.
  void span(double y, int& first, int& last) const {
    first = x0, last = x1;
    for (int k = 0; k < 3 && first <= last; ++k) {
      const double at_row = run[k] * (y - from_y[k]);
      if (rise[k] == 0) {
        if (at_row * sign < 0) last = first - 1;
        continue;
      }
      const double crossing = from_x[k] + at_row * inverse_rise[k] - 0.5;
      int column = int(std::min(std::max(crossing, double(first)), double(last)));
      if (rise[k] * sign > 0) {
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

  void draw(int32_t number, int width, int top, float* nearest, int32_t* index) const {
    for (int row = y0; row <= y1; ++row) {
      int first, last;
      span(row + 0.5, first, last);
      double at[3], step[3];
      along(row + 0.5, at, step);
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

  // Along a row, the share of each corner in 1 / depth is at[k] + step[k] * x.
  void along(double y, double at[3], double step[3]) const {
    for (int k = 0; k < 3; ++k) {
      at[k] = (run[k] * (y - from_y[k]) + rise[k] * from_x[k]) * weight[k];
      step[k] = -rise[k] * weight[k];
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

void write_band(const RasterParams& p, int64_t frame, int top, int bottom, const float* nearest, const int32_t* index) {
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
  const float* vertices = p.vertices + frame * p.vertex_count * 3;
  // Neighbouring rows show the same triangles: a small direct-mapped store saves most of the set-ups.
  constexpr int kept = 512;
  std::vector<Triangle> triangles(kept);
  std::vector<int32_t> owner(kept, -1);
  std::vector<double> scale(width);
  for (int row = top; row < bottom; ++row) {
    const int32_t* numbers = index + int64_t(row - top) * width;
    for (int first = 0, last; first < width; first = last) {
      const int32_t number = numbers[first];
      for (last = first + 1; last < width && numbers[last] == number;) ++last;
      if (number < 0) continue;
      const int64_t* face = p.faces + 3 * int64_t(number);
      Triangle& triangle = triangles[number % kept];
      if (owner[number % kept] != number) {
        triangle.set(vertices, face, width, 0, int(p.height));
        owner[number % kept] = number;
      }
      const Run run{triangle, face, row, first, last};
      const int64_t pixel = int64_t(row) * width + first;
      if (p.barycentric) write_shares(run, p.barycentric + 3 * (frame * plane + pixel));
      if (p.picture) write_colours(run, p, scale.data(), p.picture + frame * p.channels * plane + pixel);
    }
  }
}

void draw_band(const RasterParams& p, int64_t frame, int top, int bottom) {
  const size_t size = size_t(bottom - top) * size_t(p.width);
  // Kept between calls: fresh memory of this size would cost as much as the drawing.
  thread_local std::vector<float> nearest;
  thread_local std::vector<int32_t> index;
  nearest.assign(size, 0.0f);  // inverse depth: 0 is infinitely far
  index.assign(size, -1);
  const float* vertices = p.vertices + frame * p.vertex_count * 3;
  Triangle triangle;
  for (int64_t f = 0; f < p.face_count; ++f) {
    if (triangle.set(vertices, p.faces + 3 * f, int(p.width), top, bottom)) {
      triangle.draw(int32_t(f), int(p.width), top, nearest.data(), index.data());
    }
  }
  write_band(p, frame, top, bottom, nearest.data(), index.data());
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
