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

// What is nearest in each pixel of some rows, as one number to be as large as possible: the bits of the inverse depth
// (a float > 0, whose order is that of its bits) above those of ~triangle, so that the lower triangle wins a tie. 0 is
// empty.
struct Band {
  int width, top;
  int64_t* keys;

  // Boxes no larger than this are drawn four triangles at once.
  static constexpr int LOW = 8, NARROW = 8;
  // Keys behind the last row that may be touched, not changed.
  static size_t margin(int width) { return size_t(LOW) * width + FOUR; }

  // Triangles `numbers`; most of a dense mesh see a few pixels each, and guesses about their edges would mostly be wrong,
  // so every pixel of the four boxes is looked at, without branches.
  void draw(Ints numbers, const Four& four) const {
    const Ints tall = four.lower - four.upper + 1, wide = tall > 0 ? four.right - four.left + 1 : Ints{};
    const int height = largest(tall), columns = largest(wide);
    if (height <= 0) return;
    if (height > LOW || columns > NARROW) {
      for (int i = 0; i < FOUR; ++i)
        if (tall[i] > 0) draw_wide(numbers[i], four, i);
      return;
    }
    const Longs low = __builtin_convertvector(~numbers, Longs) & 0xffffffff;
    const Doubles slope = four.slope();
    Doubles across[NARROW][3], along[NARROW];
    Longs within[NARROW];
    for (int c = 0; c < columns; ++c) {
      const Doubles x = __builtin_convertvector(four.left + c, Doubles) + 0.5;
      for (int k = 0; k < 3; ++k) across[c][k] = four.rise[k] * (x - four.from_x[k]) * four.sign;
      along[c] = slope * x;
      within[c] = __builtin_convertvector(wide > c, Longs);
    }
    int64_t* pixel[FOUR];
    for (int i = 0; i < FOUR; ++i)
      pixel[i] = keys + (tall[i] > 0 ? int64_t(four.upper[i] - top) * width + four.left[i] : 0);
    for (int row = 0; row < height; ++row) {
      const Doubles y = __builtin_convertvector(four.upper + row, Doubles) + 0.5;
      Doubles limit[3];
      const Doubles start = four.start(y, limit);
      const Longs here = __builtin_convertvector(tall > row, Longs);
      for (int c = 0; c < columns; ++c) {
        const Longs seen = here & within[c] & (limit[0] >= across[c][0]) & (limit[1] >= across[c][1]) &
                           (limit[2] >= across[c][2]);
        const Longs key = key_of(start + along[c], low, seen);
        for (int i = 0; i < FOUR; ++i) pixel[i][c] = key[i] > pixel[i][c] ? key[i] : pixel[i][c];
      }
      for (int i = 0; i < FOUR; ++i) pixel[i] += width;
    }
  }

 private:
  static int largest(Ints values) {
    return std::max(std::max(values[0], values[1]), std::max(values[2], values[3]));
  }
  // Above 2^-150 a double rounds to a float > 0.
  static Longs key_of(Doubles inverse, Longs low, Longs seen) {
    const Longs bits = __builtin_convertvector((Ints)__builtin_convertvector(inverse, Floats), Longs) << 32;
    return (bits | low) & seen & (inverse > 0x1p-150);
  }

  // Lane i of `four`: its rows four at a time, of each its columns four at once.
  void draw_wide(int32_t number, const Four& four, int i) const {
    const int left = four.left[i], right = four.right[i], lower = four.lower[i];
    const Longs low = Longs{} + int64_t(uint32_t(~number));
    const double sign = four.sign[i], slope = four.slope()[i];
    for (int upper = four.upper[i]; upper <= lower; upper += FOUR) {
      const int rows = std::min(lower - upper + 1, FOUR);
      const Doubles y = upper + 0.5 + Doubles{0, 1, 2, 3};
      Doubles limit[3], part[3];
      for (int k = 0; k < 3; ++k) {
        const Doubles at_row = four.run[k][i] * (y - four.from_y[k][i]);
        part[k] = (at_row + four.rise[k][i] * four.from_x[k][i]) * four.weight[k][i];
        limit[k] = at_row * sign;
      }
      const Doubles start = part[0] + part[1] + part[2];
      for (int column = left; column <= right; column += FOUR) {
        const Doubles x = column + 0.5 + Doubles{0, 1, 2, 3}, along = slope * x;
        const Longs real = Longs{0, 1, 2, 3} <= int64_t(right - column);
        Doubles across[3];
        for (int k = 0; k < 3; ++k) across[k] = four.rise[k][i] * (x - four.from_x[k][i]) * sign;
        int64_t* at = keys + int64_t(upper - top) * width + column;
        for (int row = 0; row < rows; ++row, at += width) {
          const Longs seen = real & (limit[0][row] >= across[0]) & (limit[1][row] >= across[1]) &
                             (limit[2][row] >= across[2]);
          const Longs key = key_of(start[row] + along, low, seen);
          Longs old;
          __builtin_memcpy(&old, at, sizeof(old));
          old = key > old ? key : old;
          __builtin_memcpy(at, &old, sizeof(old));
        }
      }
    }
  }
};

// Choosing between clones happens before the thread sanitizer is ready for it.
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_THREAD__)
__attribute__((target_clones("avx2", "default"), flatten))
#endif
void draw_band(const RasterParams& p, int64_t frame, int top, int bottom) {
  const int width = int(p.width);
  // Kept between calls: fresh memory of this size would cost as much as the drawing.
  thread_local std::vector<int64_t> keys;
  thread_local Corners corners;
  keys.assign(size_t(bottom - top) * width + Band::margin(width), 0);
  corners.read(p, frame);
  const Band band{width, top, keys.data()};
  for (int64_t first = 0; first < p.face_count; first += FOUR) {
    const int count = int(std::min<int64_t>(p.face_count - first, FOUR));
    Four four;
    four.set(corners, p.faces + 3 * first, count, width, top, bottom);
    // Lanes without a triangle of their own draw the first again.
    band.draw(int32_t(first) + (Ints{0, 1, 2, 3} < count ? Ints{0, 1, 2, 3} : Ints{}), four);
  }
  write_band(p, frame, corners, top, bottom, keys.data());
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
