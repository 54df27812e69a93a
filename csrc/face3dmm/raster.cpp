// One band of rows of one frame is one unit of work: frames and bands run in parallel and share nothing.
#include "raster.h"

#include <algorithm>
#include <vector>

#include "triangles.h"
#include "values.h"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace face3dmm {
namespace {

// The rows [top, bottom) of one frame: what is nearest in each pixel. Both buffers have FOUR more elements.
struct Band {
  int width, top, bottom;
  float* nearest;  // inverse depth
  int32_t* index;

  // Lane i of `four`, in its box, four columns at once and without branches: most triangles of a dense mesh are as small
  // as that, and guesses about their edges would mostly be wrong. Of a wide triangle a row's span is found first.
  void draw(int32_t number, const Four& four, int i) const {
    const int left = four.left[i], right = four.right[i], lower = four.lower[i];
    const double sign = four.sign[i];
    double slope = -four.rise[0][i] * four.weight[0][i];
    for (int k = 1; k < 3; ++k) slope += -four.rise[k][i] * four.weight[k][i];
    for (int upper = four.upper[i]; upper <= lower; upper += FOUR) {
      const int rows = std::min(lower - upper + 1, FOUR);
      const Doubles y = upper + 0.5 + Doubles{0, 1, 2, 3};
      Doubles limit[3], start{};  // per row: what an edge's x may reach; inverse depth at x = 0
      for (int k = 0; k < 3; ++k) {
        const Doubles at_row = four.run[k][i] * (y - four.from_y[k][i]);
        const Doubles at = (at_row + four.rise[k][i] * four.from_x[k][i]) * four.weight[k][i];
        limit[k] = at_row * sign;
        start = k ? start + at : at;
      }
      for (int column = left; column <= right; column += FOUR) {
        const Doubles x = column + 0.5 + Doubles{0, 1, 2, 3}, along = slope * x;
        const Longs real = Longs{0, 1, 2, 3} <= int64_t(right - column);
        Doubles across[3];
        for (int k = 0; k < 3; ++k) across[k] = four.rise[k][i] * (x - four.from_x[k][i]) * sign;
        for (int row = 0; row < rows; ++row) {
          const Longs seen = real & (limit[0][row] >= across[0]) & (limit[1][row] >= across[1]) &
                             (limit[2][row] >= across[2]);
          take(int64_t(upper + row - top) * width + column, number, __builtin_convertvector(seen, Ints),
               __builtin_convertvector(start[row] + along, Floats));
        }
      }
    }
  }

 private:
  // Four pixels of a row, where seen and nearer than what is there.
  void take(int64_t pixel, int32_t number, Ints seen, Floats inverse) const {
    Floats old;
    Ints numbers;
    __builtin_memcpy(&old, nearest + pixel, sizeof(old));
    __builtin_memcpy(&numbers, index + pixel, sizeof(numbers));
    const Ints nearer = seen & (inverse > old);
    old = nearer ? inverse : old;
    numbers = nearer ? number : numbers;
    __builtin_memcpy(nearest + pixel, &old, sizeof(old));
    __builtin_memcpy(index + pixel, &numbers, sizeof(numbers));
  }
};

// Choosing between clones happens before the thread sanitizer is ready for it.
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_THREAD__)
__attribute__((target_clones("avx2", "default"), flatten))
#endif
void draw_band(const RasterParams& p, int64_t frame, int top, int bottom) {
  const size_t size = size_t(bottom - top) * size_t(p.width);
  // Kept between calls: fresh memory of this size would cost as much as the drawing.
  thread_local std::vector<float> nearest;
  thread_local std::vector<int32_t> index;
  thread_local Corners corners;
  nearest.assign(size + FOUR, 0.0f);  // inverse depth: 0 is infinitely far
  index.assign(size + FOUR, -1);
  corners.read(p, frame);
  const Band band{int(p.width), top, bottom, nearest.data(), index.data()};
  for (int64_t first = 0; first < p.face_count; first += FOUR) {
    const int count = int(std::min<int64_t>(p.face_count - first, FOUR));
    Four four;
    four.set(corners, p.faces + 3 * first, count, band.width, top, bottom);
    for (int i = 0; i < count; ++i)
      if (four.upper[i] <= four.lower[i]) band.draw(int32_t(first) + i, four, i);
  }
  write_band(p, frame, corners, top, bottom, nearest.data(), index.data());
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
