// Where to look again on a ray: equal steps of the integral of the first march's weights.
#pragma once
#include "simd.h"

namespace {

// See importance_depths_reference for the method. `depth` (samples) and `finer` (count, out) are `stride` apart,
// both increasing; `weight` (samples - 1); `cdf` scratch (samples).
template <class T>
void importance_depths(const T* depth, int stride, const T* weight, int samples, int count, T* cdf, T* finer) {
  const T weight_floor = T(0.01), pdf_floor = T(1e-5);
  const int bins = samples - 3;  // between mid-points 0 .. samples - 3
  const auto larger = [](T a, T b) { return a < b ? b : a; };
  const auto middle = [&](int i) { return (depth[i * stride] + depth[(i + 1) * stride]) / 2; };
  cdf[0] = 0;
  for (int i = 0; i < bins; ++i) {
    // Interval i + 1 has neighbours i and i + 2 (there is none after the last).
    const T here = weight[i + 1], after = i + 2 < samples - 1 ? weight[i + 2] : T(0);
    const T widened = (larger(weight[i], here) + larger(here, after)) / 2;
    cdf[i + 1] = cdf[i] + (widened + weight_floor + pdf_floor);
  }
  const T whole = cdf[bins];
  int below = 0;
  for (int i = 0; i < count; ++i) {
    const T u = count > 1 ? T(i) / T(count - 1) * whole : T(0);
    while (below < bins && cdf[below + 1] <= u) ++below;
    if (below == bins) {
      finer[i * stride] = middle(bins);
      continue;
    }
    const T share = (u - cdf[below]) / (cdf[below + 1] - cdf[below]);
    finer[i * stride] = middle(below) + share * (middle(below + 1) - middle(below));
  }
}

// order (a_count + b_count): rows of two increasing lists in the order of their depths, list a first on ties.
// List a has rows a_row, a_row + stride, ...
template <class T>
void merge(const T* depth, int stride, int a_row, int a_count, int b_row, int b_count, int32_t* order) {
  const int a_end = a_row + a_count * stride, b_end = b_row + b_count * stride;
  while (a_row < a_end || b_row < b_end) {
    int& next = b_row == b_end || (a_row < a_end && !(depth[b_row] < depth[a_row])) ? a_row : b_row;
    *order++ = next;
    next += stride;
  }
}

}  // namespace
