// The way back: every ray is marched again, then its tiles give gradients to the decoder and to the planes.
#pragma once
#include "ray.cuh"

namespace triplane_render {

template <class T, class P, class Products>
struct RayGradient {
  using E = typename Products::Element;
  const Ray<T, P, Products>& ray;
  const CudaRequest<T>& q = ray.q;
  const WarpMemory<T, Products>& m = ray.m;
  const DecoderMemory<T, Products>& net = ray.net;
  T scale = 1;  // a power of two that brings the ray's gradients near 1: 16-bit numbers have few exponents

  // Gradients of the samples' logits and weights of the samples, into m.grad_logit and m.weight.
  //
  // With g_i = d loss / d weight_i and tau = density * width:
  //   d loss / d tau_i = g_i light_after_i - sum_{j > i} weight_j g_j.
  __device__ void through_weights(int samples) {
    const T grad_depth = q.grad_depth[ray.index], grad_opacity = q.grad_opacity[ray.index];
    T greatest = 0;
    for (int f = lane(); f < q.features; f += WARP) {
      const T grad = q.grad_features[ray.index * q.features + f];
      m.grad_features[f] = grad;
      greatest = fabs(grad) > greatest ? fabs(grad) : greatest;
    }
    __syncwarp();
    for (int s = lane(); s < samples; s += WARP) {
      T sum = 0;
      for (int f = 0; f < q.features; ++f) sum += m.grad_features[f] * m.features[s * q.features + f];
      m.grad_sample[s] = sum;
    }
    __syncwarp();
    using Piece = typename Ray<T, P, Products>::Piece;
    const T stop = T(q.march.stop_transmittance);
    const auto grad_weight = [&](int i, const Piece& piece) {
      const T first = m.grad_sample[m.order[i]];
      const T own = q.march.rule == Rule::alpha ? first : (first + m.grad_sample[m.order[i + 1]]) / 2;
      return own + grad_depth * piece.depth + grad_opacity;
    };
    T total = 0;
    ray.walk(samples, stop, [&](int i, const Piece& piece) {
      if (i < 0) return;
      m.piece[i] = piece.weight();
      total += piece.weight() * grad_weight(i, piece);
    });
    total = warp_sum(total);
    ray.weigh_samples(samples, m.piece, m.weight);
    T passed = 0;
    ray.walk(samples, stop, [&](int i, const Piece& piece) {
      const T grad = i < 0 ? T(0) : grad_weight(i, piece);
      T before;
      const T all = warp_scan(i < 0 ? T(0) : piece.weight() * grad, before);
      const T behind = total - (passed + all);
      const T by_thickness = grad * piece.light * exp(-piece.thickness) - behind;
      const T slope = density_slope(piece.logit, q.march.density_activation);
      if (i >= 0) m.piece[i] = piece.stopped ? T(0) : by_thickness * piece.width * slope;
      passed += last_of(all);
    });
    ray.weigh_samples(samples, m.piece, m.grad_logit);
    for (int s = lane(); s < samples; s += WARP) {
      const T size = fabs(m.grad_logit[s]);
      greatest = size > greatest ? size : greatest;
    }
    greatest = warp_max(greatest);
    const bool usable = sizeof(E) == 2 && greatest > T(0) && greatest < T(INFINITY);
    scale = usable ? exp2(-floor(log2(greatest))) : T(1);
  }

  __device__ bool is_dark(int sample, int rows) const {
    const int s = sample + lane();
    const bool seen = lane() < rows && (m.weight[s] != T(0) || m.grad_logit[s] != T(0));
    return !__any_sync(ALL, seen);
  }

  // Gradients of one tile; returns the largest that went to the planes.
  __device__ T through_tile(int sample, int rows, T largest) const {
    ray.decode(sample, rows);
    const int outputs = q.features + 1;
    Products::by_rows(m.hidden, m.hidden_stride, net.w2, net.w2_stride, Products::padded(q.hidden), outputs,
                      [&](int row, int column, T value) {
                        T grad = 0;
                        if (row < rows && column == 0) {
                          grad = m.grad_logit[sample + row];
                        } else if (row < rows) {
                          const T slope = activation_slope(value + net.b2[column], q.feature_activation);
                          grad = m.weight[sample + row] * m.grad_features[column - 1] * slope;
                        }
                        m.grad_out[row * m.out_stride + column] = as<E>(grad * scale);
                      });
    __syncwarp();
    Products::by_columns(m.grad_out, m.out_stride, net.w2, net.w2_stride, Products::padded(outputs), q.hidden,
                         [&](int row, int unit, T value) {
                           // hidden = softplus(z), so that 1 - exp(-hidden) = sigmoid(z), its slope.
                           const T slope = -expm1(-as<T>(m.hidden[row * m.hidden_stride + unit]));
                           m.grad_hidden[row * m.hidden_stride + unit] = as<E>(value * slope);
                         });
    __syncwarp();
    if (q.grad_decoder) to_decoder(outputs);
    if (q.gather == Gather::nothing) return largest;
    Products::by_columns(m.grad_hidden, m.hidden_stride, net.w1, net.w1_stride, Products::padded(q.hidden), q.channels,
                         [&](int row, int c, T value) { m.grad_x[row * q.channels + c] = value / scale; });
    __syncwarp();
    largest = spread(q, ray.entry, m.corners, m.grad_x, largest);
    __syncwarp();
    return largest;
  }

 private:
  __device__ void to_decoder(int outputs) const {
    T* w1 = m.grad_decoder;
    T* b1 = w1 + q.hidden * q.channels;
    T* w2 = b1 + q.hidden;
    T* b2 = w2 + outputs * q.hidden;
    const T unscale = T(1) / scale;
    Products::outer(m.grad_out, m.out_stride, outputs, m.hidden, m.hidden_stride, q.hidden,
                    [&](int i, int j, T value) { w2[i * q.hidden + j] += value * unscale; });
    Products::outer(m.grad_hidden, m.hidden_stride, q.hidden, m.x, m.x_stride, q.channels,
                    [&](int i, int j, T value) { w1[i * q.channels + j] += value * unscale; });
    const auto add_rows = [&](const E* from, int stride, int columns, T* to) {
      for (int c = lane(); c < columns; c += WARP) {
        T sum = 0;
        for (int r = 0; r < TILE; ++r) sum += as<T>(from[r * stride + c]);
        to[c] += sum * unscale;
      }
    };
    add_rows(m.grad_hidden, m.hidden_stride, q.hidden, b1);
    add_rows(m.grad_out, m.out_stride, outputs, b2);
    __syncwarp();
  }
};

template <class T, class P, class Products>
__global__ void backward_kernel(const __grid_constant__ CudaRequest<T> q) {
  Pieces pieces{shared_memory(), 0};
  const DecoderMemory<T, Products> net(q, pieces);
  const WarpMemory<T, Products> memory = share_out(q, pieces, net, true);
  const int warp = int(threadIdx.x) / WARP, warps = int(blockDim.x) / WARP;
  Ray<T, P, Products> ray(q, net, memory);
  const int64_t number = int64_t(blockIdx.x) * warps + warp;
  T largest = 0;
  for (int64_t i = number; i < q.batch * q.rays; i += int64_t(gridDim.x) * warps) {
    if (ray.start(i) != Fate::marched) continue;
    const int samples = ray.take_samples();
    RayGradient<T, P, Products> gradient{ray};
    gradient.through_weights(samples);
    __syncwarp();
    for (int s = 0; s < samples; s += TILE) {
      const int rows = samples - s < TILE ? samples - s : TILE;
      if (!gradient.is_dark(s, rows)) largest = gradient.through_tile(s, rows, largest);
    }
  }
  if (q.gather == Gather::find_largest) {
    largest = warp_max(largest);
    if (lane() == 0 && largest > T(0)) take_larger(q.largest, largest);
  }
  if (q.grad_decoder) {
    const int size = decoder_size(q);
    for (int i = lane(); i < size; i += WARP) q.grad_decoder[number * size + i] = memory.grad_decoder[i];
  }
}

}  // namespace triplane_render
