// What lies where in shared memory: the decoder once per block, and each warp's own scratch.
#pragma once
#include "products.cuh"

namespace triplane_render {

// w1, b1, w2, b2 one after another.
template <class T>
__host__ __device__ inline int decoder_size(const CudaRequest<T>& q) {
  return q.hidden * (q.channels + 1) + (q.features + 1) * (q.hidden + 1);
}

// Hands out pieces of a block on 16-byte boundaries; from null it only measures.
struct Pieces {
  char* base;
  int used;
  template <class U>
  __host__ __device__ U* take(int count) {
    U* at = base ? reinterpret_cast<U*>(base + used) : nullptr;
    used += (count * int(sizeof(U)) + 15) / 16 * 16;
    return at;
  }
};

template <class T, class Products>
struct DecoderMemory {
  using E = typename Products::Element;
  E *w1, *w2;  // (hidden, channels), (1 + features, hidden), both padded
  T *b1, *b2;
  int w1_stride, w2_stride, w1_count, w2_count;

  __host__ __device__ DecoderMemory(const CudaRequest<T>& q, Pieces& pieces) {
    w1_stride = Products::stride(q.channels), w2_stride = Products::stride(q.hidden);
    w1_count = Products::padded(q.hidden) * w1_stride, w2_count = Products::padded(q.features + 1) * w2_stride;
    w1 = pieces.take<E>(w1_count), w2 = pieces.take<E>(w2_count);
    b1 = pieces.take<T>(q.hidden), b2 = pieces.take<T>(q.features + 1);
  }

  // Called by all threads of a block.
  __device__ void load(const CudaRequest<T>& q) const {
    const int thread = int(threadIdx.x), threads = int(blockDim.x);
    for (int i = thread; i < w1_count; i += threads) {
      const int row = i / w1_stride, column = i % w1_stride;
      const bool real = row < q.hidden && column < q.channels;
      w1[i] = as<E>(real ? q.w1[row * q.channels + column] : T(0));
    }
    for (int i = thread; i < w2_count; i += threads) {
      const int row = i / w2_stride, column = i % w2_stride;
      const bool real = row <= q.features && column < q.hidden;
      w2[i] = as<E>(real ? q.w2[row * q.hidden + column] : T(0));
    }
    for (int i = thread; i < q.hidden; i += threads) b1[i] = q.b1[i];
    for (int i = thread; i <= q.features; i += threads) b2[i] = q.b2[i];
  }
};

// Scratch of one warp: one ray and one tile of its samples.
template <class T, class Products>
struct WarpMemory {
  using E = typename Products::Element;
  // Per sample, in the order of taking: first march, then importance samples.
  T *depth, *logit, *weight, *features;
  int* order;  // samples by depth
  int* held;   // (TILE): whether a sample lies in an occupied cell
  T* piece;    // weights of the pieces between samples
  T* summed;   // of the first march's weights
  Corners<T> corners;
  E *x, *hidden;
  // Backward only.
  T *grad_sample, *grad_logit, *grad_features, *grad_x, *grad_decoder;
  E *grad_out, *grad_hidden;
  int x_stride, hidden_stride, out_stride;

  __host__ __device__ WarpMemory(const CudaRequest<T>& q, Pieces& pieces, bool backward) {
    const int samples = q.march.samples + q.march.importance_samples;
    depth = pieces.take<T>(samples), logit = pieces.take<T>(samples), weight = pieces.take<T>(samples);
    features = pieces.take<T>(samples * q.features);
    order = pieces.take<int>(samples);
    held = pieces.take<int>(TILE);
    piece = pieces.take<T>(samples);
    summed = pieces.take<T>(q.march.importance_samples ? q.march.samples : 0);
    corners.per_plane = q.depth ? 8 : 4;
    corners.offset = pieces.take<int>(3 * corners.per_plane * TILE);
    corners.share = pieces.take<T>(3 * corners.per_plane * TILE);
    x_stride = Products::stride(q.channels), hidden_stride = Products::stride(q.hidden);
    out_stride = Products::stride(q.features + 1);
    x = pieces.take<E>(TILE * x_stride), hidden = pieces.take<E>(TILE * hidden_stride);
    const int on = backward ? 1 : 0;
    grad_sample = pieces.take<T>(on * samples), grad_logit = pieces.take<T>(on * samples);
    grad_features = pieces.take<T>(on * q.features);
    grad_x = pieces.take<T>(on * TILE * q.channels);
    grad_out = pieces.take<E>(on * TILE * out_stride), grad_hidden = pieces.take<E>(on * TILE * hidden_stride);
    grad_decoder = pieces.take<T>(q.grad_decoder ? on * decoder_size(q) : 0);
  }

  // Padding that products read must be zeros.
  __device__ void clear(const CudaRequest<T>& q, bool backward) const {
    for (int i = lane(); i < TILE * x_stride; i += WARP) x[i] = as<E>(T(0));
    for (int i = lane(); i < TILE * hidden_stride; i += WARP) hidden[i] = as<E>(T(0));
    if (!backward) return;
    for (int i = lane(); i < TILE * hidden_stride; i += WARP) grad_hidden[i] = as<E>(T(0));
    for (int i = lane(); i < TILE * out_stride; i += WARP) grad_out[i] = as<E>(T(0));
    if (!q.grad_decoder) return;
    for (int i = lane(); i < decoder_size(q); i += WARP) grad_decoder[i] = T(0);
  }
};

// Loads the decoder and gives each warp its scratch behind it. Called by all threads of a block.
template <class T, class Products>
__device__ WarpMemory<T, Products> share_out(const CudaRequest<T>& q, const Pieces& block,
                                             const DecoderMemory<T, Products>& net, bool backward) {
  net.load(q);
  __syncthreads();
  Pieces measure{nullptr, 0};
  WarpMemory<T, Products>(q, measure, backward);
  Pieces own{block.base + block.used + int(threadIdx.x) / WARP * measure.used, 0};
  const WarpMemory<T, Products> memory(q, own, backward);
  memory.clear(q, backward);
  __syncwarp();
  return memory;
}

template <class T, class Products>
int shared_bytes(const CudaRequest<T>& q, int warps, bool backward) {
  Pieces block{nullptr, 0}, warp{nullptr, 0};
  DecoderMemory<T, Products>(q, block);
  WarpMemory<T, Products>(q, warp, backward);
  return block.used + warps * warp.used;
}

}  // namespace triplane_render
