// One call of the CUDA renderer. Every pointer is to a dense array on the device.
#pragma once
#include <cstdint>

#include "../cpu/scene.h"

namespace triplane_render {

enum class PlaneType : int { float32 = 0, float64 = 1, float16 = 2, bfloat16 = 3 };

// What becomes of a gradient to the planes: added as it comes, or, for a sum that does not depend on the order,
// first only its largest value is found and then whole numbers are added.
enum class Gather : int { nothing = 0, add = 1, find_largest = 2, add_fixed = 3 };

// T is float or double; with 16-bit planes it is float, and the decoder runs on tensor cores.
template <class T>
struct CudaRequest {
  int64_t batch, rays;
  int channels, depth, height, width;  // channels are a multiple of 8; depth is 0 for tri-planes
  int axes[3][3];
  T scale;  // 2 / box_warp
  int hidden, features;
  FeatureActivation feature_activation;
  March march;
  void* stream;

  PlaneType plane_type;
  const void* planes;                  // (B, 3, [D,] H, W, channels)
  const T *w1, *b1, *w2, *b2;          // (hidden, channels), (hidden), (1 + features, hidden), (1 + features)
  const T *origins, *directions;       // (B, N, 3)
  const T *near_limit, *far_limit;     // (B, N)
  const uint8_t* occupied;             // (B or 1, cells, cells, cells), or null; forward only
  int cells;
  bool occupied_per_batch;
  T *features_out, *depth_out, *opacity_out;

  const T *grad_features, *grad_depth, *grad_opacity;
  Gather gather;
  T* grad_planes;         // like planes, zeroed by the caller; for `add`
  int64_t* fixed_planes;  // the same, for `add_fixed`
  T* largest;             // (1), zeroed by the caller; for `find_largest`
  const T* fixed_scale;   // (1): what a gradient is multiplied by to become a whole number
  T* grad_decoder;        // null, or (warps, decoder_size), every warp's own share
};

// Whether a request's rays fit into the device's shared memory.
template <class T>
bool cuda_fits(const CudaRequest<T>& request, bool backward);
// How many warps a backward pass runs: the rows of `grad_decoder`.
template <class T>
int64_t cuda_warps(const CudaRequest<T>& request);
template <class T>
void cuda_render_forward(const CudaRequest<T>& request);
template <class T>
void cuda_render_backward(const CudaRequest<T>& request);

}  // namespace triplane_render
