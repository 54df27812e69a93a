// One thread per triangle finds what is nearest by an atomic maximum; one thread per pixel then writes the results.
//
// The arithmetic is that of triangles.h and raster_reference.py, in double and compiled without fused multiply-adds.
// A key is the inverse depth's bits above the inverted number of the triangle: the largest key is the nearest, and of
// two at one depth the lower number, in whatever order the threads come.
#include "raster.h"

#include "device.h"

namespace face3dmm {
namespace {

constexpr int THREADS = 128;

struct Triangle {
  double x[3], y[3], z[3], area, sign;

  __device__ bool set(const RasterParams& p, int64_t frame, int64_t number) {
    for (int k = 0; k < 3; ++k) {
      const float* corner = p.vertices + (frame * p.vertex_count + p.faces[3 * number + k]) * 3;
      x[k] = corner[0], y[k] = corner[1], z[k] = corner[2];
      if (!(isfinite(x[k]) && isfinite(y[k]) && isfinite(z[k]) && z[k] > 0)) return false;
    }
    area = (x[1] - x[0]) * (y[2] - y[0]) - (y[1] - y[0]) * (x[2] - x[0]);
    sign = area > 0 ? 1.0 : -1.0;
    return area != 0;
  }

  __device__ double run(int k) const { return x[(k + 2) % 3] - x[(k + 1) % 3]; }
  __device__ double rise(int k) const { return y[(k + 2) % 3] - y[(k + 1) % 3]; }
  __device__ double from_x(int k) const { return x[(k + 1) % 3]; }
  __device__ double from_y(int k) const { return y[(k + 1) % 3]; }
  __device__ double weight(int k) const { return (1.0 / area) * (1.0 / z[k]); }

  __device__ bool holds(double at_x, double at_y) const {
    bool inside = true;
    for (int k = 0; k < 3; ++k)
      inside = inside && (run(k) * (at_y - from_y(k)) - rise(k) * (at_x - from_x(k))) * sign >= 0;
    return inside;
  }

  // Along a row, the share of each corner in 1 / depth is at[k] + step[k] * x.
  __device__ void along(double at_y, double at[3], double step[3]) const {
    for (int k = 0; k < 3; ++k) {
      at[k] = (run(k) * (at_y - from_y(k)) + rise(k) * from_x(k)) * weight(k);
      step[k] = -rise(k) * weight(k);
    }
  }
};

__device__ double least(const double v[3]) { return fmin(fmin(v[0], v[1]), v[2]); }
__device__ double greatest(const double v[3]) { return fmax(fmax(v[0], v[1]), v[2]); }

__device__ int64_t thread_number() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }

__global__ void clear_kernel(const CudaRasterParams q) {
  const RasterParams& p = q.raster;
  const int64_t pixel = thread_number();
  if (pixel < p.frames * p.height * p.width) q.keys[pixel] = 0;
}

__global__ void draw_kernel(const CudaRasterParams q) {
  const RasterParams& p = q.raster;
  const int64_t item = thread_number();
  if (item >= p.frames * p.face_count) return;
  const int64_t frame = item / p.face_count, number = item % p.face_count;
  Triangle t;
  if (!t.set(p, frame, number)) return;
  const double left = fmax(ceil(least(t.x) - 0.5), 0.0), right = fmin(floor(greatest(t.x) - 0.5), p.width - 1.0);
  const double upper = fmax(ceil(least(t.y) - 0.5), 0.0), lower = fmin(floor(greatest(t.y) - 0.5), p.height - 1.0);
  if (left > right || upper > lower) return;
  unsigned long long* keys = q.keys + frame * p.height * p.width;
  for (int row = int(upper); row <= int(lower); ++row) {
    double at[3], step[3];
    t.along(row + 0.5, at, step);
    const double start = at[0] + at[1] + at[2], slope = step[0] + step[1] + step[2];
    for (int column = int(left); column <= int(right); ++column) {
      if (!t.holds(column + 0.5, row + 0.5)) continue;
      const float inverse = float(start + slope * (column + 0.5));
      if (!(inverse > 0)) continue;
      unsigned bits;
      memcpy(&bits, &inverse, 4);
      take_larger(keys + int64_t(row) * p.width + column, (unsigned long long)(bits) << 32 | (0xffffffffu - unsigned(number)));
    }
  }
}

__global__ void write_kernel(const CudaRasterParams q) {
  const RasterParams& p = q.raster;
  const int64_t item = thread_number(), plane = p.height * p.width;
  if (item >= p.frames * plane) return;
  const unsigned long long key = q.keys[item];
  const int64_t frame = item / plane, pixel = item % plane;
  const int64_t number = key ? int64_t(0xffffffffu - unsigned(key)) : -1;
  if (p.index) p.index[item] = int(number);
  if (p.depth) {
    const unsigned bits = unsigned(key >> 32);
    float inverse;
    memcpy(&inverse, &bits, 4);
    p.depth[item] = 1.0f / inverse;  // 1 / 0 is infinity, as promised
  }
  double part[3] = {0, 0, 0}, scale = 0;
  if (number >= 0) {
    Triangle t;
    t.set(p, frame, number);
    double at[3], step[3];
    t.along(double(pixel / p.width) + 0.5, at, step);
    const double x = double(pixel % p.width) + 0.5;
    for (int k = 0; k < 3; ++k) part[k] = at[k] + step[k] * x;
    scale = 1.0 / (part[0] + part[1] + part[2]);
  }
  if (p.barycentric)
    for (int k = 0; k < 3; ++k) p.barycentric[3 * item + k] = float(part[k] * scale);
  if (!p.picture) return;
  for (int64_t c = 0; c < p.channels; ++c) {
    double value = 0;
    for (int k = 0; k < 3; ++k)
      if (number >= 0) value += part[k] * p.attributes[p.faces[3 * number + k] * p.channels + c];
    p.picture[(frame * p.channels + c) * plane + pixel] = number >= 0 ? float(value * scale) : p.background;
  }
}

int64_t blocks_of(int64_t items) { return (items + THREADS - 1) / THREADS; }

}  // namespace

void cuda_rasterize(const CudaRasterParams& q) {
  const RasterParams& p = q.raster;
  const int64_t pixels = p.frames * p.height * p.width;
  launch(clear_kernel, blocks_of(pixels), THREADS, q.stream, q);
  launch(draw_kernel, blocks_of(p.frames * p.face_count), THREADS, q.stream, q);
  launch(write_kernel, blocks_of(pixels), THREADS, q.stream, q);
}

}  // namespace face3dmm
