// The texels that rays come near: planes need not be copied, nor gradients summed, anywhere else.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "scene.h"

namespace triplane_render {

struct Span {
  int begin, end;
  bool holds(int64_t at) const { return at >= begin && at < end; }
};

// Texels between two positions, as `find_taps` finds them, and one more on each side; all of them beside a nan.
template <class T>
inline Span span_of(T low, T high, T scale, int size) {
  const T first = std::floor(((low * scale + 1) * T(size) - 1) / 2) - 1;
  const T last = std::floor(((high * scale + 1) * T(size) - 1) / 2) + 2;
  const int begin = first > 0 ? first < T(size) ? int(first) : size : 0;
  const int end = last < T(size - 1) ? last >= 0 ? int(last) + 1 : 0 : size;
  return {begin, end > begin ? end : begin};
}

// Of each plane, the columns, rows and slices that any sample of some rays can see.
struct Reach {
  std::array<Span, 3> columns, rows, slices;

  template <class T>
  Reach(const Scene<T>& s, const std::vector<int32_t>& rays) {
    constexpr T FAR = std::numeric_limits<T>::max();
    T low[3] = {FAR, FAR, FAR}, high[3] = {-FAR, -FAR, -FAR};
    for (const int64_t ray : rays)
      for (int axis = 0; axis < 3; ++axis)
        for (const T limit : {s.near_limit[ray], s.far_limit[ray]}) {
          const T o = s.origins[3 * ray + axis], way = limit * s.directions[3 * ray + axis];
          // Samples lie between the limits but for rounding, which is large beside a cube that is far away.
          const T slack = (std::abs(o) + std::abs(way)) * 16 * std::numeric_limits<T>::epsilon();
          const bool known = std::isfinite(o + way) && std::isfinite(slack);
          low[axis] = std::min(low[axis], known ? o + way - slack : -FAR);
          high[axis] = std::max(high[axis], known ? o + way + slack : FAR);
        }
    for (int plane = 0; plane < 3; ++plane) {
      const int* axes = s.axes[plane];
      const auto span = [&](int axis, int size) { return span_of(low[axis], high[axis], s.scale, size); };
      columns[plane] = span(axes[0], s.width);
      rows[plane] = span(axes[1], s.height);
      slices[plane] = s.depth ? span(axes[2], s.depth) : Span{0, 1};
    }
  }
};

}  // namespace triplane_render
