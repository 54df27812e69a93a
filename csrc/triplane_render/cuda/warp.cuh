// What the 32 threads of a warp do together. Every function is called by all of them.
#pragma once
#include "device.h"

namespace triplane_render {

constexpr int WARP = 32;
constexpr unsigned ALL = 0xffffffffu;

__device__ inline int lane() { return int(threadIdx.x) % WARP; }

template <class T>
__device__ inline T warp_sum(T value) {
  for (int step = WARP / 2; step; step /= 2) value += __shfl_xor_sync(ALL, value, step);
  return value;
}

template <class T>
__device__ inline T warp_max(T value) {
  for (int step = WARP / 2; step; step /= 2) {
    const T other = __shfl_xor_sync(ALL, value, step);
    value = other > value ? other : value;
  }
  return value;
}

// The sum over this lane and those before; `before` receives the sum over those before alone, which is not
// `sum - value` where that is infinite.
template <class T>
__device__ inline T warp_scan(T value, T& before) {
  for (int step = 1; step < WARP; step *= 2) {
    const T other = __shfl_up_sync(ALL, value, unsigned(step));
    if (lane() >= step) value += other;
  }
  before = __shfl_up_sync(ALL, value, 1u);
  if (lane() == 0) before = T(0);
  return value;
}

template <class T>
__device__ inline T last_of(T value) {
  return __shfl_sync(ALL, value, WARP - 1);
}

}  // namespace triplane_render
