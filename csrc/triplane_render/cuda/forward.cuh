// Rays to features, depth and opacity: a warp takes one ray after another.
#pragma once
#include "ray.cuh"

namespace triplane_render {

template <class T, class P, class Products>
__global__ void forward_kernel(const __grid_constant__ CudaRequest<T> q) {
  Pieces pieces{shared_memory(), 0};
  const DecoderMemory<T, Products> net(q, pieces);
  const WarpMemory<T, Products> memory = share_out(q, pieces, net, false);
  const int warp = int(threadIdx.x) / WARP, warps = int(blockDim.x) / WARP;
  Ray<T, P, Products> ray(q, net, memory);
  for (int64_t i = int64_t(blockIdx.x) * warps + warp; i < q.batch * q.rays; i += int64_t(gridDim.x) * warps) {
    const Fate fate = ray.start(i);
    if (fate != Fate::marched) {
      const T blank = fate == Fate::broken ? T(NAN) : T(0);
      for (int f = lane(); f < q.features; f += WARP) q.features_out[i * q.features + f] = blank;
      if (lane() == 0) q.depth_out[i] = q.opacity_out[i] = blank;
      continue;
    }
    const int samples = ray.take_samples();
    T depth = 0, opacity = 0;
    ray.walk(samples, T(q.march.stop_transmittance), [&](int at, const typename Ray<T, P, Products>::Piece& piece) {
      if (at < 0) return;
      const T weight = piece.weight();
      memory.piece[at] = weight;
      depth += weight * piece.depth;
      opacity += weight;
    });
    ray.weigh_samples(samples, memory.piece, memory.weight);
    for (int f = lane(); f < q.features; f += WARP) {
      T sum = 0;
      for (int s = 0; s < samples; ++s) sum += memory.weight[s] * memory.features[s * q.features + f];
      q.features_out[i * q.features + f] = sum;
    }
    depth = warp_sum(depth), opacity = warp_sum(opacity);
    if (lane() == 0) q.depth_out[i] = depth, q.opacity_out[i] = opacity;
    __syncwarp();
  }
}

}  // namespace triplane_render
