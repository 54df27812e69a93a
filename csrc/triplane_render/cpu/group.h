// The march of a small group of rays, forward and backward, in scratch memory that stays in the caches.
#pragma once
#include "compositing.h"
#include "importance.h"
#include "pairs.h"
#include "products.h"
#include "sampling.h"

namespace {

// Hands out pieces of one block, each on its own cache lines; with a null block it only measures.
struct Bump {
  char* base;
  size_t used = 0;
  template <class U>
  U* take(int64_t count) {
    U* at = base ? reinterpret_cast<U*>(base + used) : nullptr;
    used += (size_t(count) * sizeof(U) + 63) / 64 * 64;
    return at;
  }
  template <class U>
  Corners<U> take_corners(int64_t count) {
    Corners<U> corners;
    for (int k = 0; k < MOST_CORNERS; ++k) {
      corners.offset[k] = take<int32_t>(count);
      corners.share[k] = take<U>(count);
    }
    corners.inside = take<U>(count);
    return corners;
  }
};

template <class T>
void find_hidden(const Decoder<T>& net, const T* x, int rows, uint16_t*, T* hidden) {
  product(x, net.channels_padded, rows, net.channels, net.w1, net.hidden_padded, net.b1, hidden, net.hidden_padded,
          net.hidden_padded);
}

template <class T>
void find_features(const Decoder<T>& net, const T* hidden, int rows, uint16_t*, T* out) {
  product(hidden, net.hidden_padded, rows, net.hidden, net.w2, net.features_padded, net.b2, out, net.features_padded,
          net.features_padded);
}

void find_hidden(const Decoder<float>& net, const float* x, int rows, uint16_t* pairs, float* hidden) {
  if (!net.w1_pairs) return find_hidden<float>(net, x, rows, pairs, hidden);
  round_to_bfloat16(x, int64_t(rows) * net.channels_padded, pairs);
  product_of_pairs(pairs, net.channels_padded, rows, net.channels_padded / 2, net.w1_pairs, net.hidden_padded, net.b1,
                   hidden, net.hidden_padded, net.hidden_padded);
}

void find_features(const Decoder<float>& net, const float* hidden, int rows, uint16_t* pairs, float* out) {
  if (!net.w2_pairs) return find_features<float>(net, hidden, rows, pairs, out);
  round_to_bfloat16(hidden, int64_t(rows) * net.hidden_padded, pairs);
  product_of_pairs(pairs, net.hidden_padded, rows, net.hidden_padded / 2, net.w2_pairs, net.features_padded, net.b2,
                   out, net.features_padded, net.features_padded);
}

// Scratch of a group. A row is a sample; `rows` counts whole vectors, so that loops may run over the end.
template <class T>
struct Group {
  const Scene<T>& scene;
  const Decoder<T>& net;
  const March& march;
  int output_padded;  // features + 1, padded: the width of `grad_out`

  T *position[3], *depth;   // per row
  Corners<T> corners[3];    // per row of one call of `shade`
  T *x, *hidden, *slope;    // rows of plane features, of hidden units and of their derivative, then gradient
  T *logit, *row_weight;    // per row
  T* sample_logit;          // per sample; the same as `logit` where every sample is a row
  int32_t* slot;            // per sample: its row, or -1; only with an occupancy
  T *out, *grad_out;
  uint16_t *x_pairs, *hidden_pairs;  // the same rows in bfloat16, if the products are
  int32_t* order;
  Pieces<T> pieces;
  T *grad_weight, *grad_row, *cdf;
  // Per ray of the group.
  int32_t* ray;
  T *light, *passed, *total, *sum_features, *sum_depth, *sum_opacity, *grad_features;

  Group(const Scene<T>& s, const Decoder<T>& d, const March& m, Bump& bump, bool backward)
      : scene(s), net(d), march(m), output_padded(round_up(d.features + 1, LANES<T>)) {
    const int rays = m.rays_per_group;
    const int64_t rows = round_up(rays * (m.round + m.importance_samples), 16) + 16;
    for (auto& axis : position) axis = bump.take<T>(rows);
    depth = bump.take<T>(rows);
    for (auto& c : corners) c = bump.take_corners<T>(rows);
    x = bump.take<T>(rows * d.channels_padded);
    hidden = bump.take<T>(rows * d.hidden_padded);
    slope = backward ? bump.take<T>(rows * d.hidden_padded) : nullptr;
    logit = sample_logit = bump.take<T>(rows);
    slot = nullptr;
    if (s.occupied) {
      sample_logit = bump.take<T>(rows);
      slot = bump.take<int32_t>(rows);
    }
    row_weight = bump.take<T>(rows);
    out = bump.take<T>(rows * d.features_padded);
    grad_out = backward ? bump.take<T>(rows * output_padded) : nullptr;
    x_pairs = d.w1_pairs ? bump.take<uint16_t>(rows * d.channels_padded) : nullptr;
    hidden_pairs = d.w1_pairs ? bump.take<uint16_t>(rows * d.hidden_padded) : nullptr;
    order = bump.take<int32_t>(rows);
    T** const per_row[] = {&pieces.logit,  &pieces.width,       &pieces.depth, &pieces.alpha, &pieces.slope,
                           &pieces.weight, &pieces.light_after, &grad_weight,  &grad_row};
    for (T** part : per_row) *part = bump.take<T>(rows);
    cdf = bump.take<T>(m.samples + 1);
    ray = bump.take<int32_t>(rays);
    T** const per_ray[] = {&light, &passed, &total, &sum_depth, &sum_opacity};
    for (T** part : per_ray) *part = bump.take<T>(rays);
    sum_features = bump.take<T>(int64_t(rays) * d.features_padded);
    grad_features = backward ? bump.take<T>(int64_t(rays) * d.features_padded) : nullptr;
  }

  // ---- one step each ----

  // Positions of `count` rows of one ray, from `row` on and `stride` apart, by their depths.
  void place(int32_t index, int row, int stride, int count) {
    const T* o = scene.origins + 3 * int64_t(index);
    const T* d = scene.directions + 3 * int64_t(index);
    for (int axis = 0; axis < 3; ++axis)
      for (int i = row; i < row + count * stride; i += stride) position[axis][i] = o[axis] + depth[i] * d[axis];
  }

  // Plane features, hidden units and density logits of rows [begin, end).
  void shade(int begin, int end, bool with_slope) {
    const int count = end - begin;
    const T* at[3] = {position[0] + begin, position[1] + begin, position[2] + begin};
    for (int plane = 0; plane < 3; ++plane)
      find_corners(scene, net.channels_padded, plane, at, count, corners[plane]);
    T* x_rows = x + int64_t(begin) * net.channels_padded;
    T* hidden_rows = hidden + int64_t(begin) * net.hidden_padded;
    gather(scene, net.channels_padded, corners, count, x_rows);
    find_hidden(net, x_rows, count, x_pairs, hidden_rows);
    const int64_t units = int64_t(count) * net.hidden_padded;
    if (with_slope) {
      T* slope_rows = slope + int64_t(begin) * net.hidden_padded;
      for (int64_t i = 0; i < units; i += LANES<T>) {
        Vector<T> s;
        store(hidden_rows + i, softplus(load(hidden_rows + i), s));
        store(slope_rows + i, s);
      }
    } else {
      for (int64_t i = 0; i < units; i += LANES<T>) store(hidden_rows + i, softplus(load(hidden_rows + i)));
    }
    dot_rows(hidden_rows, net.hidden_padded, count, net.w2_density, net.hidden_padded, net.b2_density, logit + begin);
  }

  // Features of rows [0, rows), activated.
  void colour(int rows) {
    find_features(net, hidden, rows, hidden_pairs, out);
    if (net.feature_activation == FeatureActivation::none) return;
    const int64_t units = int64_t(rows) * net.features_padded;
    for (int64_t i = 0; i < units; i += LANES<T>)
      store(out + i, sigmoid(load(out + i)) * T(1.002) - T(0.001));
  }

  // Depths of the first march: samples [begin, begin + count) of a ray, to rows from `row`, `stride` apart.
  void step(int32_t index, int begin, int count, int row, int stride) {
    const T near = scene.near_limit[index], length = scene.far_limit[index] - near;
    for (int k = 0; k < count; ++k) {
      const T share = march.rule == Rule::alpha ? (T(begin + k) + T(0.5)) / T(march.samples)
                                                : T(begin + k) / T(march.samples - 1);
      depth[row + k * stride] = near + length * share;
    }
  }

  // The pieces of ray r, whose rows in order of depth start at order[first]; returns their number.
  int find_pieces(int r, int first, int rows, int piece) {
    if (march.rule == Rule::alpha) {
      const int32_t index = ray[r];
      const T width = (scene.far_limit[index] - scene.near_limit[index]) / T(march.samples);
      for (int s = 0; s < rows; ++s) {
        const int row = order[first + s];
        pieces.logit[piece + s] = sample_logit[row];
        pieces.width[piece + s] = width;
        pieces.depth[piece + s] = depth[row];
      }
      return rows;
    }
    for (int s = 0; s + 1 < rows; ++s) {
      const int a = order[first + s], b = order[first + s + 1];
      pieces.logit[piece + s] = (sample_logit[a] + sample_logit[b]) / 2;
      pieces.width[piece + s] = depth[b] - depth[a];
      pieces.depth[piece + s] = (depth[a] + depth[b]) / 2;
    }
    return rows - 1;
  }

  // Spreads weights of pieces over the rows that they are made of.
  void weigh_rows(int first, int rows, int piece) {
    if (march.rule == Rule::alpha) {
      for (int s = 0; s < rows; ++s) row_weight[order[first + s]] = pieces.weight[piece + s];
      return;
    }
    T before = 0;
    for (int s = 0; s < rows; ++s) {
      const T after = s + 1 < rows ? pieces.weight[piece + s] : T(0);
      row_weight[order[first + s]] = (before + after) / 2;
      before = after;
    }
  }

  // Shades one round of samples of `alive` rays and writes their rows in order of depth to `order`; with
  // importance samples the first march is weighed to place them. Returns rows per ray.
  //
  // Sample k of all rays come side by side: neighbouring rays read the same texels.
  int take_round(int alive, int begin, bool with_slope) {
    const int count = march.samples - begin < march.round ? march.samples - begin : march.round;
    for (int r = 0; r < alive; ++r) {
      step(ray[r], begin, count, r, alive);
      place(ray[r], r, alive, count);
      for (int k = 0; k < count; ++k) order[r * count + k] = r + k * alive;
    }
    shade(0, alive * count, with_slope);
    if (!march.importance_samples) return count;

    const int more = march.importance_samples, coarse_rows = alive * count, intervals = count - 1;
    for (int r = 0; r < alive; ++r) find_pieces(r, r * count, count, r * intervals);
    find_alphas(pieces, alive * intervals, march.density_activation);
    for (int r = 0; r < alive; ++r) {
      find_weights(pieces, r * intervals, intervals, T(1), T(0));
      const int row = coarse_rows + r;
      importance_depths(depth + r, alive, pieces.weight + r * intervals, count, more, cdf, depth + row);
      place(ray[r], row, alive, more);
    }
    shade(coarse_rows, coarse_rows + alive * more, with_slope);
    for (int r = 0; r < alive; ++r)
      merge(depth, alive, r, count, coarse_rows + r, more, order + r * (count + more));
    return count + more;
  }

  // Weights of all pieces and rows of a round; `rows` per ray. Returns pieces per ray.
  int weigh_round(int alive, int rows) {
    int per_ray = 0;
    const int count = march.rule == Rule::alpha ? rows : rows - 1;
    for (int r = 0; r < alive; ++r) per_ray = find_pieces(r, r * rows, rows, r * count);
    find_alphas(pieces, alive * per_ray, march.density_activation);
    for (int r = 0; r < alive; ++r) {
      light[r] = find_weights(pieces, r * per_ray, per_ray, light[r], T(march.stop_transmittance));
      weigh_rows(r * rows, rows, r * per_ray);
    }
    return per_ray;
  }
};

}  // namespace
