// What a kernel is given: plain data, no framework, no standard library.
//
// This header is compiled once per instruction set. It holds types only: an inline function here could be
// merged by the linker with its twin of a wider instruction set, and then run where that does not exist.
#pragma once
#include <cstddef>
#include <cstdint>

namespace triplane_render {

enum class Rule : int { alpha = 0, midpoint = 1 };
enum class DensityActivation : int { softplus = 0, relu = 1 };
enum class FeatureActivation : int { sigmoid = 0, none = 1 };

// One batch entry: planes with the channels last, rays, and where the results go.
template <class T>
struct Scene {
  const T* planes;           // (3, [D,] H, W, channels_padded), rows `row_stride` apart
  int depth, height, width;  // depth is 0 for tri-planes
  int row_stride;            // in elements, >= W * channels_padded; see layout.h
  int turn;                  // row y begins at texel `y & turn` of its memory, and its end fills up the front
  int axes[3][3];           // per plane: the coordinate of its columns, rows and (tri-grids) depth
  T scale;                  // 2 / box_warp

  const uint8_t* occupied;  // (cells, cells, cells), z first, over the cube: 0 where nothing is; or null
  int cells;

  const T *origins, *directions;  // (N, 3)
  const T *near_limit, *far_limit;  // (N)

  T *features, *depths, *opacity;  // outputs (N, features), (N), (N)

  // Backward only. The outputs above are then what forward gave.
  const T *grad_features, *grad_depths, *grad_opacity;
};

// The decoder, packed for the kernels. "Padded" sizes are multiples of the vector's lanes, filled with zeros.
template <class T>
struct Decoder {
  int channels, channels_padded, hidden, hidden_padded, features, features_padded;
  const T* w1;          // (channels, hidden_padded): transposed
  const T* b1;          // (hidden_padded)
  const T* w2;          // (hidden, features_padded): transposed, without the density
  const T* b2;          // (features_padded)
  const T* w2_density;  // (hidden_padded)
  T b2_density;
  const T* w1_rows;  // (hidden, channels_padded), backward
  const T* w2_rows;  // (features + 1, hidden_padded), backward: the density comes last
  // w1 and w2 in pairs of bfloat16, (channels_padded / 2, hidden_padded) and (hidden_padded / 2, features_padded);
  // null to take the products in T. See pairs.h.
  const uint32_t *w1_pairs, *w2_pairs;
  FeatureActivation feature_activation;
};

// Gradients of the decoder, in the layout of `w1_rows` and `w2_rows`.
template <class T>
struct DecoderGradient {
  T* w1;  // (hidden, channels_padded)
  T* b1;  // (hidden_padded)
  T* w2;  // (features + 1, hidden_padded)
  T* b2;  // (output_padded): features first, then the density
};

struct March {
  int samples, importance_samples;
  Rule rule;
  DensityActivation density_activation;
  double stop_transmittance;
  int rays_per_group;  // rays marched together
  int round;           // samples per ray before opaque rays are dropped; `samples` to never look
};

// Samples for which the gradient to the planes is still to be spread.
template <class T>
struct Spread {
  T* positions;  // (3, capacity) world units
  T* gradients;  // (capacity, channels_padded), already divided by 3, the number of planes
  int64_t capacity;
};

// The kernels of one instruction set.
template <class T>
struct Kernels {
  int lanes;
  bool bfloat16;  // quick at products of bfloat16
  // Bytes of scratch memory that one thread needs.
  size_t (*scratch_size)(const Decoder<T>&, const March&);
  // March `count` <= rays_per_group rays, given by their indices. `forward_skipping` shades no sample of an empty
  // cell, and none behind what is opaque.
  void (*forward_skipping)(const Scene<T>&, const Decoder<T>&, const March&, const int32_t* rays, int count,
                           void* scratch);
  void (*forward)(const Scene<T>&, const Decoder<T>&, const March&, const int32_t* rays, int count, void* scratch);
  // The same samples again; adds to `gradient` (null: not wanted), writes `spread` from `row` (null: not
  // wanted) and returns the number of rows written.
  int64_t (*backward)(const Scene<T>&, const Decoder<T>&, const March&, const int32_t* rays, int count,
                      void* scratch, const DecoderGradient<T>* gradient, const Spread<T>* spread, int64_t row);
  // Add rows [first, last) of `spread` to channels [from, to) of one plane's gradient, in their order.
  void (*scatter)(const Scene<T>&, const Decoder<T>&, const Spread<T>&, int64_t first, int64_t last, int plane,
                  int from, int to, T* grad_plane, void* scratch);
};

#define TRIPLANE_DECLARE(ISA)            \
  namespace ISA {                        \
  extern const Kernels<float> kernels32; \
  extern const Kernels<double> kernels64; \
  }
TRIPLANE_DECLARE(portable)
TRIPLANE_DECLARE(avx2)
TRIPLANE_DECLARE(avx512)
TRIPLANE_DECLARE(avx512_bf16)
TRIPLANE_DECLARE(portable_bf16)
#undef TRIPLANE_DECLARE

}  // namespace triplane_render
