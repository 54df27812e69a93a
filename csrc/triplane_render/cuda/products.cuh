// Products of a tile (TILE rows) with the decoder's matrices, by plain arithmetic or on tensor cores.
//
// Results are not stored but handed to `out(row, column, value)`, which activates and places them. Matrices lie in
// shared memory, rows `stride` apart, padded with zeros.
#pragma once
#include "taps.cuh"

namespace triplane_render {

template <class T>
struct ScalarProducts {
  using Element = T;
  static __host__ __device__ constexpr int padded(int size) { return size; }
  // Odd: 32 lanes that read one column of 32 rows then use 32 banks.
  static __host__ __device__ constexpr int stride(int size) { return size | 1; }

  // out(r, c, sum over k of a[r][k] b[c][k])
  template <class Out>
  static __device__ void by_rows(const T* a, int a_stride, const T* b, int b_stride, int depth, int columns, Out out) {
    multiply(a, a_stride, b, b_stride, 1, depth, columns, out);
  }
  // out(r, c, sum over k of a[r][k] b[k][c])
  template <class Out>
  static __device__ void by_columns(const T* a, int a_stride, const T* b, int b_stride, int depth, int columns, Out out) {
    multiply(a, a_stride, b, 1, b_stride, depth, columns, out);
  }
  // out(i, j, sum over rows r of a[r][i] b[r][j])
  template <class Out>
  static __device__ void outer(const T* a, int a_stride, int rows, const T* b, int b_stride, int columns, Out out) {
    for (int item = lane(); item < rows * columns; item += WARP) {
      const int i = item / columns, j = item % columns;
      T sum = 0;
      for (int r = 0; r < TILE; ++r) sum += a[r * a_stride + i] * b[r * b_stride + j];
      out(i, j, sum);
    }
  }

 private:
  template <class Out>
  static __device__ void multiply(const T* a, int a_stride, const T* b, int column_step, int depth_step, int depth,
                                  int columns, Out out) {
    for (int c = lane(); c < columns; c += WARP) {
      T sum[TILE] = {};
      for (int k = 0; k < depth; ++k) {
        const T weight = b[c * column_step + k * depth_step];
#pragma unroll
        for (int r = 0; r < TILE; ++r) sum[r] += a[r * a_stride + k] * weight;
      }
#pragma unroll
      for (int r = 0; r < TILE; ++r) out(r, c, sum[r]);
    }
  }
};

// Element is __half or __nv_bfloat16; sums are float. Depths are padded to whole products of 16 with zeros.
template <class E>
struct TensorProducts {
  using Element = E;
  static __host__ __device__ constexpr int padded(int size) { return (size + 15) / 16 * 16; }
  // Half a bank row off a multiple of 8 words: the eight rows of a fragment then lie in different banks.
  static __host__ __device__ constexpr int stride(int size) { return padded(size) + 8; }

  template <class Out>
  static __device__ void by_rows(const E* a, int a_stride, const E* b, int b_stride, int depth, int columns, Out out) {
    multiply<true>(a, a_stride, b, b_stride, depth, columns, out);
  }
  template <class Out>
  static __device__ void by_columns(const E* a, int a_stride, const E* b, int b_stride, int depth, int columns, Out out) {
    multiply<false>(a, a_stride, b, b_stride, depth, columns, out);
  }
  template <class Out>
  static __device__ void outer(const E* a, int a_stride, int rows, const E* b, int b_stride, int columns, Out out) {
    const int group = lane() / 4, pair = lane() % 4 * 2;
    for (int i = 0; i < rows; i += 16) {
      const int row = i + group;  // of the result: a column of a
      const unsigned a_part[4] = {two(a, a_stride, pair, row), two(a, a_stride, pair, row + 8),
                                  two(a, a_stride, pair + 8, row), two(a, a_stride, pair + 8, row + 8)};
      for (int j = 0; j < columns; j += 8) {
        const unsigned b_part[2] = {two(b, b_stride, pair, j + group), two(b, b_stride, pair + 8, j + group)};
        float c[4] = {};
        multiply_fragments(c, a_part, b_part, E());
        give(c, row, j + pair, rows, columns, out);
      }
    }
  }

 private:
  static constexpr int AT_ONCE = 4;  // groups of 8 columns that share the fragments of a

  static __device__ unsigned pack(E low, E high) {
    unsigned short halves[2];
    memcpy(&halves[0], &low, 2);
    memcpy(&halves[1], &high, 2);
    return halves[0] | unsigned(halves[1]) << 16;
  }
  // Elements (row, column) and (row + 1, column): two steps of the depth where matrices lie crosswise.
  static __device__ unsigned two(const E* m, int stride, int row, int column) {
    return pack(m[row * stride + column], m[(row + 1) * stride + column]);
  }
  static __device__ unsigned along(const E* m) { return *reinterpret_cast<const unsigned*>(m); }

  template <class Out>
  static __device__ void give(const float c[4], int row, int column, int rows, int columns, Out out) {
    for (int i = 0; i < 4; ++i) {
      const int r = row + i / 2 * 8, j = column + i % 2;
      if (r < rows && j < columns) out(r, j, c[i]);
    }
  }

  template <bool ROWS, class Out>
  static __device__ void multiply(const E* a, int a_stride, const E* b, int b_stride, int depth, int columns, Out out) {
    const int group = lane() / 4, pair = lane() % 4 * 2;
    for (int first = 0; first < columns; first += 8 * AT_ONCE) {
      float c[AT_ONCE][4] = {};
      for (int k = 0; k < depth; k += 16) {
        const E* at = a + group * a_stride + k + pair;
        const unsigned a_part[4] = {along(at), along(at + 8 * a_stride), along(at + 8), along(at + 8 * a_stride + 8)};
#pragma unroll
        for (int j = 0; j < AT_ONCE; ++j) {
          if (first + 8 * j >= columns) continue;
          const int column = first + 8 * j + group;
          const E* row = b + column * b_stride + k + pair;
          const unsigned b_part[2] = {ROWS ? along(row) : two(b, b_stride, k + pair, column),
                                      ROWS ? along(row + 8) : two(b, b_stride, k + pair + 8, column)};
          multiply_fragments(c[j], a_part, b_part, E());
        }
      }
#pragma unroll
      for (int j = 0; j < AT_ONCE; ++j)
        if (first + 8 * j < columns) give(c[j], group, first + 8 * j + pair, TILE, columns, out);
    }
  }
};

}  // namespace triplane_render
