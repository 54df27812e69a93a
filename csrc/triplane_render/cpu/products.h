// The three matrix products of a small network, as register tiles that the compiler vectorises.
//
// Rows are samples, columns are units; columns are padded to whole vectors. A tile keeps ROWS x WIDE vectors in
// registers. Each row's sum runs in one order whatever the tile, so a sample's result does not depend on where
// in the batch it stands.
#pragma once
#include "simd.h"

namespace {

// y[row] = start[row] + sum_k x[row][k] w[k], for ROWS rows and WIDE vectors of columns; times what y held, if TIMES.
template <bool TIMES, class T, int ROWS, int WIDE>
inline void product_tile(const T* x, ptrdiff_t x_stride, int inner, const T* w, ptrdiff_t w_stride, const T* bias,
                         T* y, ptrdiff_t y_stride) {
  Vector<T> acc[ROWS][WIDE];
  for (int j = 0; j < WIDE; ++j) {
    const Vector<T> b = bias ? load(bias + j * LANES<T>) : Vector<T>{};
    for (int i = 0; i < ROWS; ++i) acc[i][j] = b;
  }
  for (int k = 0; k < inner; ++k) {
    Vector<T> row[WIDE];
    for (int j = 0; j < WIDE; ++j) row[j] = load(w + k * w_stride + j * LANES<T>);
    for (int i = 0; i < ROWS; ++i) {
      const Vector<T> xs = splat(x[i * x_stride + k]);
      for (int j = 0; j < WIDE; ++j) acc[i][j] += xs * row[j];
    }
  }
  for (int i = 0; i < ROWS; ++i)
    for (int j = 0; j < WIDE; ++j) {
      T* at = y + i * y_stride + j * LANES<T>;
      store(at, TIMES ? acc[i][j] * load(at) : acc[i][j]);
    }
}

template <bool TIMES, class T, int WIDE>
inline void product_columns(const T* x, ptrdiff_t x_stride, int rows, int inner, const T* w, ptrdiff_t w_stride,
                            const T* bias, T* y, ptrdiff_t y_stride) {
  constexpr int ROWS = TRIPLANE_ACCUMULATORS / WIDE;
  int i = 0;
  for (; i + ROWS <= rows; i += ROWS)
    product_tile<TIMES, T, ROWS, WIDE>(x + i * x_stride, x_stride, inner, w, w_stride, bias, y + i * y_stride,
                                       y_stride);
  for (; i < rows; ++i)
    product_tile<TIMES, T, 1, WIDE>(x + i * x_stride, x_stride, inner, w, w_stride, bias, y + i * y_stride, y_stride);
}

// y (rows, columns) = bias + x (rows, inner) w (inner, columns); `columns` is a multiple of the lanes. With TIMES the
// elements of y are multiplied by that.
template <bool TIMES = false, class T>
void product(const T* x, ptrdiff_t x_stride, int rows, int inner, const T* w, ptrdiff_t w_stride, const T* bias, T* y,
             ptrdiff_t y_stride, int columns) {
  int j = 0;
  const auto take = [&](auto wide) {
    constexpr int WIDE = decltype(wide)::value;
    product_columns<TIMES, T, WIDE>(x, x_stride, rows, inner, w + j, w_stride, bias ? bias + j : nullptr, y + j,
                                    y_stride);
    j += WIDE * LANES<T>;
  };
  // With 16 registers 6 x 2 is quicker than 3 x 4, which has no register left for a factor.
  constexpr int WIDEST = TRIPLANE_ACCUMULATORS >= 24 ? 4 : 2;
  for (int left = columns / LANES<T>; left; left = (columns - j) / LANES<T>) switch (left) {
      case 1: take(Number<1>{}); break;
      case 2: take(Number<2>{}); break;
      case 3: take(Number<3>{}); break;
      default: take(Number<WIDEST>{});
    }
}

// g[i] += sum_row a[row][i] b[row], for ROWS columns i of a and WIDE vectors of b's columns.
template <class T, int ROWS, int WIDE>
inline void outer_tile(const T* a, ptrdiff_t a_stride, const T* b, ptrdiff_t b_stride, int rows, T* g,
                       ptrdiff_t g_stride) {
  Vector<T> acc[ROWS][WIDE] = {};
  for (int k = 0; k < rows; ++k) {
    Vector<T> row[WIDE];
    for (int j = 0; j < WIDE; ++j) row[j] = load(b + k * b_stride + j * LANES<T>);
    for (int i = 0; i < ROWS; ++i) {
      const Vector<T> as = splat(a[k * a_stride + i]);
      for (int j = 0; j < WIDE; ++j) acc[i][j] += as * row[j];
    }
  }
  for (int i = 0; i < ROWS; ++i)
    for (int j = 0; j < WIDE; ++j) {
      T* at = g + i * g_stride + j * LANES<T>;
      store(at, load(at) + acc[i][j]);
    }
}

template <class T, int WIDE>
inline void outer_columns(const T* a, ptrdiff_t a_stride, int a_columns, const T* b, ptrdiff_t b_stride, int rows,
                          T* g, ptrdiff_t g_stride) {
  constexpr int ROWS = TRIPLANE_ACCUMULATORS / WIDE;
  int i = 0;
  for (; i + ROWS <= a_columns; i += ROWS)
    outer_tile<T, ROWS, WIDE>(a + i, a_stride, b, b_stride, rows, g + i * g_stride, g_stride);
  for (; i < a_columns; ++i) outer_tile<T, 1, WIDE>(a + i, a_stride, b, b_stride, rows, g + i * g_stride, g_stride);
}

// g (a_columns, b_columns) += a (rows, a_columns)^T b (rows, b_columns).
template <class T>
void add_outer(const T* a, ptrdiff_t a_stride, int a_columns, const T* b, ptrdiff_t b_stride, int b_columns, int rows,
               T* g, ptrdiff_t g_stride) {
  int j = 0;
  const auto take = [&](auto wide) {
    constexpr int WIDE = decltype(wide)::value;
    outer_columns<T, WIDE>(a, a_stride, a_columns, b + j, b_stride, rows, g + j, g_stride);
    j += WIDE * LANES<T>;
  };
  for (int left = b_columns / LANES<T>; left; left = (b_columns - j) / LANES<T>) switch (left) {
      case 1: take(Number<1>{}); break;
      case 2: take(Number<2>{}); break;
      case 3: take(Number<3>{}); break;
      default: take(Number<4>{});
    }
}

// g (columns) += sum of the rows of a.
template <class T>
void add_rows(const T* a, ptrdiff_t a_stride, int columns, int rows, T* g) {
  for (int j = 0; j < columns; j += LANES<T>) {
    Vector<T> acc{};
    for (int k = 0; k < rows; ++k) acc += load(a + k * a_stride + j);
    store(g + j, load(g + j) + acc);
  }
}

// y[row] = bias + <x[row], w>.
template <class T>
void dot_rows(const T* x, ptrdiff_t x_stride, int rows, const T* w, int columns, T bias, T* y) {
  for (int i = 0; i < rows; ++i) {
    Vector<T> acc{};
    for (int j = 0; j < columns; j += LANES<T>) acc += load(x + i * x_stride + j) * load(w + j);
    y[i] = bias + sum<T>(acc);
  }
}

}  // namespace
