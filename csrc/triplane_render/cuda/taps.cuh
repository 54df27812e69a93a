// Reading planes at the samples of a tile, and spreading gradients back to them.
#pragma once
#include "numbers.cuh"
#include "request.h"
#include "warp.cuh"

namespace triplane_render {

constexpr int TILE = 16;  // samples that are shaded together: the rows of a tensor-core product
constexpr int MOST_CORNERS = 8;

// Which texels each sample sees and their shares, corner by corner; an offset of -1 is not read.
template <class T>
struct Corners {
  int* offset;  // (3 planes, corners, TILE), in elements from the first plane
  T* share;
  int per_plane;
};

// The two texels that a position lies between along one axis. Texel edges lie at -1 and 1
// (align_corners=False); a texel outside gets the share 0 and its neighbour's place.
template <class T>
struct Tap {
  int texel[2];
  T share[2];
  bool inside;
  __device__ Tap(T position, T scale, int size) {
    const T at = ((position * scale + T(1)) * T(size) - T(1)) * T(0.5);
    inside = at > T(-1) && at < T(size);
    const int first = inside ? int(floor(at)) : 0, second = first + 1;
    const T along = inside ? at - T(first) : T(0);
    texel[0] = first >= 0 ? first : 0;
    texel[1] = second < size ? second : first;
    share[0] = first >= 0 ? T(1) - along : T(0);
    share[1] = second < size ? along : T(0);
  }
};

template <class T>
__device__ void find_corners(const CudaRequest<T>& q, const T* origin, const T* direction, const T* depth, int rows,
                             const Corners<T>& corners) {
  const int slices = q.depth ? q.depth : 1;
  for (int item = lane(); item < 3 * TILE; item += WARP) {
    const int plane = item / TILE, row = item % TILE;
    const T along = row < rows ? depth[row] : T(0);
    const auto tap = [&](int which, int size) {
      const int axis = q.axes[plane][which];
      return Tap<T>(origin[axis] + along * direction[axis], q.scale, size);
    };
    const Tap<T> x = tap(0, q.width), y = tap(1, q.height), z = tap(2, slices);
    const bool inside = row < rows && x.inside && y.inside && (!q.depth || z.inside);
    for (int k = 0; k < corners.per_plane; ++k) {
      const int slice = q.depth ? z.texel[k / 4] : 0;
      const int texel = ((plane * slices + slice) * q.height + y.texel[k / 2 % 2]) * q.width + x.texel[k % 2];
      const int place = (plane * corners.per_plane + k) * TILE + row;
      corners.offset[place] = inside ? texel * q.channels : -1;
      corners.share[place] = x.share[k % 2] * y.share[k / 2 % 2] * (q.depth ? z.share[k / 4] : T(1)) / T(3);
    }
  }
}

// Sixteen bytes of a plane.
template <class P>
struct alignas(16) Pack {
  static constexpr int COUNT = 16 / int(sizeof(P));
  P value[COUNT];
};

// x (TILE, stride): the mean of the planes at the samples; zeros in rows that see nothing.
template <class T, class P, class Element>
__device__ void gather(const P* planes, int channels, const Corners<T>& corners, Element* x, int stride) {
  constexpr int COUNT = Pack<P>::COUNT;
  const int packs = channels / COUNT;
  for (int item = lane(); item < TILE * packs; item += WARP) {
    const int row = item / packs, first = item % packs * COUNT;
    T sum[COUNT] = {};
    for (int k = 0; k < 3 * corners.per_plane; ++k) {
      const int offset = corners.offset[k * TILE + row];
      if (offset < 0) continue;
      const T share = corners.share[k * TILE + row];
      const Pack<P> read = *reinterpret_cast<const Pack<P>*>(planes + offset + first);
      for (int i = 0; i < COUNT; ++i) sum[i] += share * as<T>(read.value[i]);
    }
    for (int i = 0; i < COUNT; ++i) x[row * stride + first + i] = as<Element>(sum[i]);
  }
}

// Spreads gradients (TILE, channels) to the planes as the request says. Returns the largest that this lane saw.
template <class T>
__device__ T spread(const CudaRequest<T>& q, int64_t entry, const Corners<T>& corners, const T* gradient, T largest) {
  const int fours = q.channels / 4;
  for (int k = 0; k < 3 * corners.per_plane; ++k) {
    for (int item = lane(); item < TILE * fours; item += WARP) {
      const int row = item / fours, first = item % fours * 4;
      const int offset = corners.offset[k * TILE + row];
      if (offset < 0) continue;
      const T share = corners.share[k * TILE + row];
      T value[4];
      for (int i = 0; i < 4; ++i) value[i] = share * gradient[row * q.channels + first + i];
      if (q.gather == Gather::add) {
        add_four(q.grad_planes + entry + offset + first, value);
        continue;
      }
      for (int i = 0; i < 4; ++i) {
        const T size = value[i] < T(0) ? -value[i] : value[i];
        const bool finite = size < T(INFINITY);
        if (q.gather == Gather::find_largest) {
          largest = finite && size > largest ? size : largest;
        } else if (finite) {
          const auto whole = static_cast<unsigned long long>(llrint(double(value[i]) * double(*q.fixed_scale)));
          atomicAdd(reinterpret_cast<unsigned long long*>(q.fixed_planes + entry + offset + first + i), whole);
        }
      }
    }
  }
  return largest;
}

}  // namespace triplane_render
