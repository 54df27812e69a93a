// The fused renderer: planes, decoder and rays in, features, depth and opacity out, and the way back.
#pragma once
#include <array>
#include <string>

#include "scene.h"

namespace triplane_render {

// One call. Every pointer is to a dense array of T; shapes as named by the sizes.
template <class T>
struct Request {
  int64_t batch, rays;
  int channels, depth, height, width;  // depth is 0 for tri-planes
  bool channels_last;                  // planes (and grad_planes) are (B, 3, [D,] H, W, C), else (B, 3, C, ...)
  std::array<std::array<int, 3>, 3> axes;
  double scale;
  int hidden, features;
  FeatureActivation feature_activation;
  March march;
  bool bfloat16_products;  // allowed, where the instruction set is quick at them
  int threads;
  std::string instruction_set;

  const T* planes;
  const T *w1, *b1, *w2, *b2;  // (H, C), (H), (1 + F, H), (1 + F)
  const T *origins, *directions;       // (B, N, 3)
  const T *near_limit, *far_limit;     // (B, N)
  const uint8_t* occupied;             // (B or 1, cells, cells, cells), or null: forward only
  int cells;
  bool occupied_per_batch;
  T *features_out, *depth_out, *opacity_out;  // (B, N, F), (B, N), (B, N); backward reads them

  const T *grad_features, *grad_depth, *grad_opacity;
  T* grad_planes;                            // null: not wanted; else like planes
  T *grad_w1, *grad_b1, *grad_w2, *grad_b2;  // null: not wanted
};

template <class T>
void render_forward(const Request<T>& request);
template <class T>
void render_backward(const Request<T>& request);

}  // namespace triplane_render
