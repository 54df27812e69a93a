// `product` of products.h with factors in bfloat16 and sums in float32: VDPBF16PS where the instruction set has it, and
// elsewhere the same arithmetic written out (but for denormal numbers, which the instruction takes for zero).
//
// Two factors that follow each other along the sum share 32 bits, the first in the low half.
#pragma once
#include "simd.h"
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

namespace {

using Pairs = Integers;
typedef uint32_t Words __attribute__((vector_size(TRIPLANE_VECTOR_BYTES)));
typedef uint16_t Halves __attribute__((vector_size(TRIPLANE_VECTOR_BYTES / 2)));

inline Floats add_pairs(Floats acc, Pairs a, Pairs b) {
#ifdef __AVX512BF16__
  return (Floats)_mm512_dpbf16_ps((__m512)acc, (__m512bh)a, (__m512bh)b);
#else
  const Words high = Words{} + 0xffff0000u;
  acc += (Floats)((Words)a & high) * (Floats)((Words)b & high);
  return acc + (Floats)((Words)a << 16) * (Floats)((Words)b << 16);
#endif
}

// To the nearest bfloat16, ties to even; nan stays nan. `count` is a multiple of the lanes.
inline void round_to_bfloat16(const float* from, int64_t count, uint16_t* to) {
  for (int64_t i = 0; i < count; i += LANES<float>) {
    const Floats value = load(from + i);
    const Words bits = (Words)value, rounded = bits + 0x7fff + ((bits >> 16) & 1);
    const Words kept = (Words)(value != value ? (Integers)(Words{} + 0x7fc00000u) : (Integers)rounded) >> 16;
    const Halves halves = __builtin_convertvector(kept, Halves);
    __builtin_memcpy(to + i, &halves, sizeof(halves));
  }
}

template <int ROWS, int WIDE>
inline void pairs_tile(const uint16_t* x, ptrdiff_t x_stride, int pairs, const uint32_t* w, ptrdiff_t w_stride,
                       const float* bias, float* y, ptrdiff_t y_stride) {
  Floats acc[ROWS][WIDE];
  for (int j = 0; j < WIDE; ++j)
    for (int i = 0; i < ROWS; ++i) acc[i][j] = load(bias + j * LANES<float>);
  for (int k = 0; k < pairs; ++k) {
    Pairs row[WIDE];
    for (int j = 0; j < WIDE; ++j) __builtin_memcpy(&row[j], w + k * w_stride + j * LANES<float>, sizeof(Pairs));
    for (int i = 0; i < ROWS; ++i) {
      int32_t two;
      __builtin_memcpy(&two, x + i * x_stride + 2 * k, sizeof(two));
      for (int j = 0; j < WIDE; ++j) acc[i][j] = add_pairs(acc[i][j], Pairs{} + two, row[j]);
    }
  }
  for (int i = 0; i < ROWS; ++i)
    for (int j = 0; j < WIDE; ++j) store(y + i * y_stride + j * LANES<float>, acc[i][j]);
}

template <int WIDE>
inline void pairs_columns(const uint16_t* x, ptrdiff_t x_stride, int rows, int pairs, const uint32_t* w,
                          ptrdiff_t w_stride, const float* bias, float* y, ptrdiff_t y_stride) {
  constexpr int ROWS = TRIPLANE_ACCUMULATORS / WIDE;
  int i = 0;
  for (; i + ROWS <= rows; i += ROWS)
    pairs_tile<ROWS, WIDE>(x + i * x_stride, x_stride, pairs, w, w_stride, bias, y + i * y_stride, y_stride);
  for (; i < rows; ++i)
    pairs_tile<1, WIDE>(x + i * x_stride, x_stride, pairs, w, w_stride, bias, y + i * y_stride, y_stride);
}

// y (rows, columns) = bias + x (rows, 2 pairs) w (pairs, columns); `columns` is a multiple of the lanes.
inline void product_of_pairs(const uint16_t* x, ptrdiff_t x_stride, int rows, int pairs, const uint32_t* w,
                             ptrdiff_t w_stride, const float* bias, float* y, ptrdiff_t y_stride, int columns) {
  int j = 0;
  for (; j + 2 * LANES<float> <= columns; j += 2 * LANES<float>)
    pairs_columns<2>(x, x_stride, rows, pairs, w + j, w_stride, bias + j, y + j, y_stride);
  if (j < columns) pairs_columns<1>(x, x_stride, rows, pairs, w + j, w_stride, bias + j, y + j, y_stride);
}

}  // namespace
