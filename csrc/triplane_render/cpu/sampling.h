// Reading planes at points, and spreading gradients back to them.
#pragma once
#include "scene.h"
#include "simd.h"

namespace {

using namespace triplane_render;

// Along one axis of a plane: the two neighbouring texels of each point and their shares.
template <class T>
struct Taps {
  int32_t *first, *second;  // offsets in elements
  T *first_share, *second_share;  // 0 for a texel outside; both 0 for a point that sees none
};

// Texel edges lie at -1 and 1 (align_corners=False), zeros outside. A texel outside is replaced by its neighbour
// with share 0, so that nothing but texels that count is read (0 * nan would be nan).
template <class T>
void find_taps(const T* position, int count, T scale, int size, int32_t step, T share, const Taps<T>& taps) {
  for (int i = 0; i < count; ++i) {
    const T wanted = ((position[i] * scale + 1) * size - 1) * T(0.5);
    const bool inside = wanted > -1 && wanted < size;
    const T at = inside ? wanted : T(0);
    const T below = sizeof(T) == 4 ? T(floorf(float(at))) : T(floor(at));
    const int32_t texel = int32_t(below);
    const T along = at - below;
    const bool has_first = inside & (texel >= 0), has_second = inside & (texel + 1 < size);
    taps.first_share[i] = has_first ? (1 - along) * share : T(0);
    taps.second_share[i] = has_second ? along * share : T(0);
    taps.first[i] = (texel < 0 ? 0 : texel) * step;
    taps.second[i] = (texel + 1 < size ? texel + 1 : texel) * step;
  }
}

// The taps of one plane: columns, rows and, for tri-grids, depth.
template <class T>
struct PlaneTaps {
  Taps<T> column, row, slice;
};

template <class T>
void find_plane_taps(const Scene<T>& scene, int channels_padded, int plane, const T* const position[3], int count,
                     const PlaneTaps<T>& taps) {
  const int* axes = scene.axes[plane];
  // The mean over the three planes is taken here, once.
  find_taps(position[axes[0]], count, scene.scale, scene.width, channels_padded, T(1) / 3, taps.column);
  find_taps(position[axes[1]], count, scene.scale, scene.height, channels_padded * scene.width, T(1), taps.row);
  if (scene.depth)
    find_taps(position[axes[2]], count, scene.scale, scene.depth, channels_padded * scene.width * scene.height, T(1),
              taps.slice);
}

template <class T>
inline int64_t plane_size(const Scene<T>& scene, int channels_padded) {
  return int64_t(scene.depth ? scene.depth : 1) * scene.height * scene.width * channels_padded;
}

// Calls use(offset, share) for the texels that point i sees.
template <class T, class Use>
inline void each_corner(const PlaneTaps<T>& taps, int i, bool grid, const Use& use) {
  const T left = taps.column.first_share[i], right = taps.column.second_share[i];
  const T top = taps.row.first_share[i], bottom = taps.row.second_share[i];
  if (left + right == 0 || top + bottom == 0) return;
  const int32_t x0 = taps.column.first[i], x1 = taps.column.second[i];
  const int32_t y0 = taps.row.first[i], y1 = taps.row.second[i];
  const auto four = [&](int32_t z, T share) {
    use(z + y0 + x0, top * left * share);
    use(z + y0 + x1, top * right * share);
    use(z + y1 + x0, bottom * left * share);
    use(z + y1 + x1, bottom * right * share);
  };
  if (!grid) return four(0, T(1));
  const T front = taps.slice.first_share[i], back = taps.slice.second_share[i];
  if (front + back == 0) return;
  four(taps.slice.first[i], front);
  four(taps.slice.second[i], back);
}

// x (count, channels_padded): the mean of the planes at points whose taps are known, WIDE vectors of it.
template <class T, int WIDE>
void gather_columns(const Scene<T>& scene, int channels_padded, const PlaneTaps<T> taps[3], int count, int from, T* x) {
  const int64_t size = plane_size(scene, channels_padded);
  for (int i = 0; i < count; ++i) {
    Vector<T> acc[WIDE] = {};
    for (int plane = 0; plane < 3; ++plane) {
      const T* texels = scene.planes + plane * size + from;
      each_corner(taps[plane], i, scene.depth != 0, [&](int32_t offset, T share) {
        const Vector<T> s = splat(share);
        for (int j = 0; j < WIDE; ++j) acc[j] += s * load(texels + offset + j * LANES<T>);
      });
    }
    for (int j = 0; j < WIDE; ++j) store(x + int64_t(i) * channels_padded + from + j * LANES<T>, acc[j]);
  }
}

template <class T>
void gather(const Scene<T>& scene, int channels_padded, const PlaneTaps<T> taps[3], int count, T* x) {
  for (int from = 0; from < channels_padded;) switch ((channels_padded - from) / LANES<T>) {
      case 1: gather_columns<T, 1>(scene, channels_padded, taps, count, from, x), from += LANES<T>; break;
      case 2: gather_columns<T, 2>(scene, channels_padded, taps, count, from, x), from += 2 * LANES<T>; break;
      case 3: gather_columns<T, 3>(scene, channels_padded, taps, count, from, x), from += 3 * LANES<T>; break;
      default: gather_columns<T, 4>(scene, channels_padded, taps, count, from, x), from += 4 * LANES<T>;
    }
}

// Adds gradients (rows of channels_padded) to channels [from, to) of one plane.
template <class T>
void spread_rows(const PlaneTaps<T>& taps, int count, bool grid, const T* gradients, int channels_padded, int from,
                 int to, T* grad_plane) {
  for (int i = 0; i < count; ++i) {
    const T* gradient = gradients + int64_t(i) * channels_padded;
    each_corner(taps, i, grid, [&](int32_t offset, T share) {
      const Vector<T> s = splat(share);
      for (int j = from; j < to; j += LANES<T>) {
        T* at = grad_plane + offset + j;
        store(at, load(at) + s * load(gradient + j));
      }
    });
  }
}

}  // namespace
