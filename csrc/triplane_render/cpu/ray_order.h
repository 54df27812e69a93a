// The rays to march, neighbours together: what one group reads is then in the caches for the next.
#pragma once
#include <cstdint>
#include <vector>

#include "scene.h"

namespace triplane_render {

// Spreads the low 8 bits of x to every third bit.
inline uint32_t every_third_bit(uint32_t x) {
  x = (x | x << 8) & 0x00f00f;
  x = (x | x << 4) & 0x0c30c3;
  return (x | x << 2) & 0x249249;
}

// Sorts by the Morton order of the middle of each ray, in 256 cells per axis; stable, so that the order
// depends on the rays alone.
template <class T>
std::vector<int32_t> in_morton_order(const Scene<T>& s, const std::vector<int32_t>& rays) {
  std::vector<uint32_t> keys(rays.size());
  for (size_t i = 0; i < rays.size(); ++i) {
    const int64_t ray = rays[i];
    const T middle = (s.near_limit[ray] + s.far_limit[ray]) / 2;
    uint32_t key = 0;
    for (int axis = 0; axis < 3; ++axis) {
      const T at = (s.origins[3 * ray + axis] + middle * s.directions[3 * ray + axis]) * s.scale;
      const T cell = (at + 1) * 128;
      key |= every_third_bit(cell > 0 ? cell < 255 ? uint32_t(cell) : 255 : 0) << axis;
    }
    keys[i] = key;
  }
  // Radix sort, two digits of 12 bits.
  std::vector<int32_t> order(rays.size()), next(rays.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = int32_t(i);
  for (int shift = 0; shift < 24; shift += 12) {
    std::vector<int32_t> start(4097, 0);
    for (uint32_t key : keys) ++start[(key >> shift & 4095) + 1];
    for (int digit = 0; digit < 4096; ++digit) start[digit + 1] += start[digit];
    for (int32_t i : order) next[start[keys[i] >> shift & 4095]++] = i;
    order.swap(next);
  }
  for (int32_t& i : order) i = rays[i];
  return order;
}

}  // namespace triplane_render
