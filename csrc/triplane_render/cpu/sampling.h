// Reading planes at points, and spreading gradients back to them.
#pragma once
#include "scene.h"
#include "simd.h"

namespace {

using namespace triplane_render;

constexpr int MOST_CORNERS = 8;  // 4 on a plane, 8 in a grid
constexpr int AHEAD = 8;         // points; `Corners` has room for so many more

// The texels of one plane that each of some points sees, and their shares.
template <class T>
struct Corners {
  int32_t* offset[MOST_CORNERS];  // in elements, from the plane's first
  T* share[MOST_CORNERS];
  T* inside;  // 0 for a point that sees no texel
};

// Along one axis, for one vector of points: the two neighbouring texels and their shares.
template <class T>
struct Taps {
  typename VectorOf<T>::integer first, second;
  Vector<T> first_share, second_share;
};

// Texel edges lie at -1 and 1 (align_corners=False), zeros outside. A texel outside is replaced by its neighbour
// with share 0, so that nothing is read but texels that count (0 * nan would be nan).
template <class T>
inline Taps<T> find_taps(Vector<T> position, T scale, int size, typename VectorOf<T>::integer& inside) {
  using Integer = typename VectorOf<T>::integer;
  const Vector<T> wanted = ((position * scale + T(1)) * T(size) - T(1)) * T(0.5);
  const Integer here = (wanted > T(-1)) & (wanted < T(size));
  const Vector<T> at = here ? wanted : Vector<T>{};
  Integer texel = __builtin_convertvector(at, Integer);
  texel += __builtin_convertvector(texel, Vector<T>) > at;  // towards minus infinity: a mask is -1
  const Vector<T> along = at - __builtin_convertvector(texel, Vector<T>);
  const Integer next = texel + 1;
  Taps<T> taps;
  taps.first_share = texel >= 0 ? T(1) - along : Vector<T>{};
  taps.second_share = next < size ? along : Vector<T>{};
  taps.first = texel >= 0 ? texel : Integer{};
  taps.second = next < size ? next : texel;
  inside &= here;
  return taps;
}

template <class T>
inline void store_offsets(int32_t* to, typename VectorOf<T>::integer from) {
  for (int i = 0; i < LANES<T>; ++i) to[i] = int32_t(from[i]);
}
template <>
inline void store_offsets<float>(int32_t* to, typename VectorOf<float>::integer from) {
  __builtin_memcpy(to, &from, sizeof(from));
}

// Corners on one plane of `count` points; reads and writes up to whole vectors.
template <class T>
void find_corners(const Scene<T>& scene, int channels_padded, int plane, const T* const position[3], int count,
                  const Corners<T>& corners) {
  using Integer = typename VectorOf<T>::integer;
  const int* axes = scene.axes[plane];
  const int row_step = scene.row_stride, slice_step = row_step * scene.height;
  for (int i = 0; i < count; i += LANES<T>) {
    Integer inside = Integer{} - 1;
    const Taps<T> x = find_taps(load(position[axes[0]] + i), scene.scale, scene.width, inside);
    const Taps<T> y = find_taps(load(position[axes[1]] + i), scene.scale, scene.height, inside);
    // The mean over the three planes is taken here, once.
    const Vector<T> left = x.first_share * (T(1) / 3), right = x.second_share * (T(1) / 3);
    const Integer rows[2] = {y.first * row_step, y.second * row_step};
    Integer texels[4] = {x.first, x.second, x.first, x.second};
    if (scene.turn) {
      for (int k = 0; k < 4; ++k) {
        texels[k] += (k < 2 ? y.first : y.second) & scene.turn;
        texels[k] -= (texels[k] >= scene.width) & scene.width;
      }
    }
    for (Integer& texel : texels) texel *= channels_padded;
    const Vector<T> shares[4] = {y.first_share * left, y.first_share * right, y.second_share * left,
                                 y.second_share * right};
    if (!scene.depth) {
      for (int k = 0; k < 4; ++k) {
        store_offsets<T>(corners.offset[k] + i, rows[k / 2] + texels[k]);
        store(corners.share[k] + i, shares[k]);
      }
    } else {
      const Taps<T> z = find_taps(load(position[axes[2]] + i), scene.scale, scene.depth, inside);
      const Integer slices[2] = {z.first * slice_step, z.second * slice_step};
      for (int k = 0; k < 8; ++k) {
        store_offsets<T>(corners.offset[k] + i, slices[k / 4] + rows[k / 2 % 2] + texels[k % 4]);
        store(corners.share[k] + i, shares[k % 4] * (k < 4 ? z.first_share : z.second_share));
      }
    }
    store(corners.inside + i, inside ? splat(T(1)) : Vector<T>{});
  }
  for (int k = 0; k < MOST_CORNERS; ++k)
    for (int i = count; i < count + AHEAD; ++i) corners.offset[k][i] = 0;
}

template <class T>
inline int64_t plane_size(const Scene<T>& scene) {
  return int64_t(scene.depth ? scene.depth : 1) * scene.height * scene.row_stride;
}

// WIDE vectors of x (count, channels_padded): the mean of the planes at points whose corners are known.
template <class T, int CORNERS, int WIDE>
void gather_columns(const Scene<T>& scene, int channels_padded, const Corners<T> corners[3], int count, int from,
                    T* x) {
  const int64_t size = plane_size(scene);
  for (int i = 0; i < count; ++i) {
    // Texels come from the outer caches: ask for those of a point some way ahead.
    for (int plane = 0; plane < 3; ++plane)
      for (int k = 0; k < CORNERS; k += 2) {
        const T* two = scene.planes + plane * size + from + corners[plane].offset[k][i + AHEAD];
        for (int j = 0; j < WIDE * TRIPLANE_VECTOR_BYTES * 2; j += 64)
          __builtin_prefetch(reinterpret_cast<const char*>(two) + j);
      }
    Vector<T> acc[WIDE];
    for (int j = 0; j < WIDE; ++j) acc[j] = Vector<T>{};
    for (int plane = 0; plane < 3; ++plane) {
      const Corners<T>& at = corners[plane];
      if (at.inside[i] == 0) continue;
      const T* texels = scene.planes + plane * size + from;
#pragma GCC unroll 8
      for (int k = 0; k < CORNERS; ++k) {
        const Vector<T> share = splat(at.share[k][i]);
        const T* texel = texels + at.offset[k][i];
        for (int j = 0; j < WIDE; ++j) acc[j] += share * load(texel + j * LANES<T>);
      }
    }
    for (int j = 0; j < WIDE; ++j) store(x + int64_t(i) * channels_padded + from + j * LANES<T>, acc[j]);
  }
}

template <class T, int CORNERS>
void gather_corners(const Scene<T>& scene, int channels_padded, const Corners<T> corners[3], int count, T* x) {
  int from = 0;
  const auto take = [&](auto wide) {
    constexpr int WIDE = decltype(wide)::value;
    gather_columns<T, CORNERS, WIDE>(scene, channels_padded, corners, count, from, x);
    from += WIDE * LANES<T>;
  };
  for (int left = channels_padded / LANES<T>; left; left = (channels_padded - from) / LANES<T>) switch (left) {
      case 1: take(Number<1>{}); break;
      case 2: take(Number<2>{}); break;
      case 3: take(Number<3>{}); break;
      default: take(Number<4>{});
    }
}

template <class T>
void gather(const Scene<T>& scene, int channels_padded, const Corners<T> corners[3], int count, T* x) {
  scene.depth ? gather_corners<T, 8>(scene, channels_padded, corners, count, x)
              : gather_corners<T, 4>(scene, channels_padded, corners, count, x);
}

// WIDE vectors of channels of one plane: adds shares of gradients (rows of channels_padded).
template <class T, int CORNERS, int WIDE>
void spread_columns(const Corners<T>& corners, int count, const T* gradients, int channels_padded, T* grad_plane) {
  constexpr int LINE = 64 / sizeof(T);
  for (int i = 0; i < count; ++i) {
#pragma GCC unroll 8
    for (int k = 0; k < CORNERS; ++k)
      for (int j = 0; j < WIDE * LANES<T>; j += LINE)
        __builtin_prefetch(grad_plane + corners.offset[k][i + AHEAD] + j, 1);
    if (corners.inside[i] == 0) continue;
    Vector<T> gradient[WIDE];
    for (int j = 0; j < WIDE; ++j) gradient[j] = load(gradients + int64_t(i) * channels_padded + j * LANES<T>);
#pragma GCC unroll 8
    for (int k = 0; k < CORNERS; ++k) {
      const Vector<T> share = splat(corners.share[k][i]);
      T* texel = grad_plane + corners.offset[k][i];
      for (int j = 0; j < WIDE; ++j)
        store(texel + j * LANES<T>, load(texel + j * LANES<T>) + share * gradient[j]);
    }
  }
}

// Channels [from, to) of one plane.
template <class T, int CORNERS>
void spread_corners(const Corners<T>& corners, int count, const T* gradients, int channels_padded, int from, int to,
                    T* grad_plane) {
  const auto take = [&](auto wide) {
    constexpr int WIDE = decltype(wide)::value;
    spread_columns<T, CORNERS, WIDE>(corners, count, gradients + from, channels_padded, grad_plane + from);
    from += WIDE * LANES<T>;
  };
  for (int left = (to - from) / LANES<T>; left; left = (to - from) / LANES<T>) switch (left) {
      case 1: take(Number<1>{}); break;
      case 2: take(Number<2>{}); break;
      case 3: take(Number<3>{}); break;
      default: take(Number<4>{});
    }
}

}  // namespace
