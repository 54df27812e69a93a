// One band of rows of one frame is one unit of work: frames and bands run in parallel and share nothing.
#include "raster.h"

#include <algorithm>
#include <cstring>
#include <vector>

#if defined(__x86_64__)
#define FACE3DMM_X86
#include <immintrin.h>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

namespace face3dmm {
namespace {

// The lanes whose bits (in pairs, see lanes.h) are set, one per byte from the lowest.
struct Lanes {
  uint64_t of[256] = {};

  constexpr Lanes() {
    for (int bits = 0; bits < 256; ++bits) {
      int found = 0;
      for (int bit = 0; bit < 8; ++bit)
        if (bits >> bit & 1) of[bits] |= uint64_t((bit & 6) == 2 || (bit & 6) == 4 ? bit ^ 6 : bit) << 8 * found++;
    }
  }
};
constexpr Lanes LANES;

// What a thread keeps between calls: fresh memory of this size would cost as much as the drawing.
struct Scratch {
  void* corners;
  float* nearest;
  int32_t* index;
};

namespace portable {
#include "lanes.h"
#include "corners.h"
#include "triangles.h"
#include "drawing.h"
#include "values.h"
#include "band.h"
}  // namespace portable

#ifdef FACE3DMM_X86
#pragma GCC push_options
#pragma GCC target("avx2,popcnt,bmi,bmi2")
#define FACE3DMM_AVX2
namespace avx2 {
#include "lanes.h"
#include "corners.h"
#include "triangles.h"
#include "drawing.h"
#include "values.h"
#include "band.h"
}  // namespace avx2
#undef FACE3DMM_AVX2
#pragma GCC pop_options
#endif

using DrawBand = void (*)(const RasterParams&, const Scratch&, int64_t frame, int top, int bottom);

DrawBand chosen() {
#ifdef FACE3DMM_X86
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) return avx2::draw_band;
#endif
  return portable::draw_band;
}

}  // namespace

void rasterize(const RasterParams& params) {
  if (params.frames == 0 || params.height == 0 || params.width == 0) return;
  static const DrawBand draw_band = chosen();
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
    thread_local std::vector<double> corners;
    thread_local std::vector<float> nearest;
    thread_local std::vector<int32_t> index;
    const size_t pixels = size_t(bottom - top) * size_t(params.width);
    corners.resize(2 * size_t(params.vertex_count));
    if (!params.depth) nearest.resize(pixels);
    if (!params.index) index.resize(pixels);
    draw_band(params, {corners.data(), nearest.data(), index.data()}, frame, top, bottom);
  }
}

}  // namespace face3dmm
