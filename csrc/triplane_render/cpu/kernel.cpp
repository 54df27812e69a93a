// The kernels of one instruction set, TRIPLANE_ISA, which the compiler flags of this file must match.
#include "skipping.h"

namespace {

template <class T>
size_t scratch_size(const Decoder<T>& net, const March& march) {
  Bump bump{nullptr};
  Scene<T> nothing{};
  const uint8_t cell = 0;
  nothing.occupied = &cell;  // as much as any call needs
  Group<T> group(nothing, net, march, bump, true);
  return bump.used;
}

template <class T>
void forward(const Scene<T>& scene, const Decoder<T>& net, const March& march, const int32_t* rays, int count,
             void* scratch) {
  Bump bump{static_cast<char*>(scratch)};
  Group<T> g(scene, net, march, bump, false);
  const int wide = net.features_padded;
  for (int r = 0; r < count; ++r) {
    g.ray[r] = rays[r];
    g.light[r] = 1;
    g.sum_depth[r] = g.sum_opacity[r] = 0;
    for (int j = 0; j < wide; ++j) g.sum_features[r * wide + j] = 0;
  }
  int alive = count;
  for (int begin = 0; begin < march.samples && alive; begin += march.round) {
    const int rows = g.take_round(alive, begin, false);
    const int per_ray = g.weigh_round(alive, rows);
    g.colour(alive * rows);
    int kept = 0;
    for (int r = 0; r < alive; ++r) {
      T* sum_features = g.sum_features + r * wide;
      for (int s = 0; s < rows; ++s) {
        const int row = g.order[r * rows + s];
        const Vector<T> weight = splat(g.row_weight[row]);
        for (int j = 0; j < wide; j += LANES<T>)
          store(sum_features + j, load(sum_features + j) + weight * load(g.out + int64_t(row) * wide + j));
      }
      for (int i = r * per_ray; i < (r + 1) * per_ray; ++i) {
        g.sum_depth[r] += g.pieces.weight[i] * g.pieces.depth[i];
        g.sum_opacity[r] += g.pieces.weight[i];
      }
      const bool done = begin + march.round >= march.samples || g.light[r] < T(march.stop_transmittance);
      if (done) {
        const int64_t index = g.ray[r];
        for (int j = 0; j < net.features; ++j) scene.features[index * net.features + j] = sum_features[j];
        scene.depths[index] = g.sum_depth[r];
        scene.opacity[index] = g.sum_opacity[r];
      } else {
        g.ray[kept] = g.ray[r];
        g.light[kept] = g.light[r];
        g.sum_depth[kept] = g.sum_depth[r];
        g.sum_opacity[kept] = g.sum_opacity[r];
        for (int j = 0; j < wide; ++j) g.sum_features[kept * wide + j] = sum_features[j];
        ++kept;
      }
    }
    alive = kept;
  }
}

template <class T>
int64_t backward(const Scene<T>& scene, const Decoder<T>& net, const March& march, const int32_t* rays, int count,
                 void* scratch, const DecoderGradient<T>* gradient, const Spread<T>* spread, int64_t first_row) {
  Bump bump{static_cast<char*>(scratch)};
  Group<T> g(scene, net, march, bump, true);
  const int wide = net.features_padded, out_wide = g.output_padded, hidden = net.hidden_padded;
  const int64_t start_row = first_row;
  for (int r = 0; r < count; ++r) {
    const int64_t index = rays[r];
    g.ray[r] = rays[r];
    g.light[r] = 1;
    g.passed[r] = 0;
    g.total[r] = scene.grad_depths[index] * scene.depths[index] + scene.grad_opacity[index] * scene.opacity[index];
    for (int j = 0; j < wide; ++j) {
      const bool real = j < net.features;
      g.grad_features[r * wide + j] = real ? scene.grad_features[index * net.features + j] : T(0);
      if (real) g.total[r] += g.grad_features[r * wide + j] * scene.features[index * net.features + j];
    }
  }
  int alive = count;
  for (int begin = 0; begin < march.samples && alive; begin += march.round) {
    const int rows = g.take_round(alive, begin, true);
    const int per_ray = g.weigh_round(alive, rows);
    const int all = alive * rows;
    g.colour(all);

    for (int r = 0; r < alive; ++r) {
      const int32_t* order = g.order + r * rows;
      const T* grad_features = g.grad_features + r * wide;
      // <grad_features, feature> and grad_out of each row.
      for (int s = 0; s < rows; ++s) {
        const int row = order[s];
        const T* out = g.out + int64_t(row) * wide;
        T* grad_out = g.grad_out + int64_t(row) * out_wide;
        const Vector<T> weight = splat(g.row_weight[row]);
        Vector<T> dot{};
        for (int j = 0; j < wide; j += LANES<T>) {
          const Vector<T> grad = load(grad_features + j), value = load(out + j);
          dot += grad * value;
          Vector<T> slope = splat(T(1));
          if (net.feature_activation == FeatureActivation::sigmoid) {
            const Vector<T> s01 = (value + T(0.001)) * T(1 / 1.002);
            slope = s01 * (T(1) - s01) * T(1.002);
          }
          store(grad_out + j, weight * grad * slope);
        }
        g.grad_row[row] = sum<T>(dot);
      }
      const int piece = r * per_ray;
      const int64_t index = g.ray[r];
      const T grad_depth = scene.grad_depths[index], grad_opacity = scene.grad_opacity[index];
      for (int i = 0; i < per_ray; ++i) {
        const T row_part = march.rule == Rule::alpha ? g.grad_row[order[i]]
                                                     : (g.grad_row[order[i]] + g.grad_row[order[i + 1]]) / 2;
        g.grad_weight[piece + i] = row_part + grad_depth * g.pieces.depth[piece + i] + grad_opacity;
      }
      find_logit_gradients(g.pieces, piece, per_ray, g.grad_weight, g.total[r], g.passed[r]);
      T before = 0;
      for (int s = 0; s < rows; ++s) {
        T grad_logit;
        if (march.rule == Rule::alpha) {
          grad_logit = g.pieces.logit[piece + s];
        } else {
          const T after = s < per_ray ? g.pieces.logit[piece + s] : T(0);
          grad_logit = (before + after) / 2;
          before = after;
        }
        // The density comes after the features, in what may be their padding.
        g.grad_out[int64_t(order[s]) * out_wide + net.features] = grad_logit;
      }
    }

    T* const grad_hidden = g.slope;
    product<true>(g.grad_out, out_wide, all, net.features + 1, net.w2_rows, hidden, static_cast<const T*>(nullptr),
                  grad_hidden, hidden, hidden);
    if (gradient) {
      add_outer(g.grad_out, out_wide, net.features + 1, g.hidden, hidden, hidden, all, gradient->w2, hidden);
      add_rows(g.grad_out, out_wide, out_wide, all, gradient->b2);
      add_outer(grad_hidden, hidden, net.hidden, g.x, net.channels_padded, net.channels_padded, all, gradient->w1,
                net.channels_padded);
      add_rows(grad_hidden, hidden, hidden, all, gradient->b1);
    }
    if (spread) {
      product(grad_hidden, hidden, all, net.hidden, net.w1_rows, net.channels_padded,
              static_cast<const T*>(nullptr), spread->gradients + first_row * net.channels_padded,
              net.channels_padded, net.channels_padded);
      for (int axis = 0; axis < 3; ++axis)
        for (int i = 0; i < all; ++i) spread->positions[axis * spread->capacity + first_row + i] = g.position[axis][i];
      first_row += all;
    }

    int kept = 0;
    for (int r = 0; r < alive; ++r) {
      if (g.light[r] < T(march.stop_transmittance)) continue;
      g.ray[kept] = g.ray[r];
      g.light[kept] = g.light[r];
      g.passed[kept] = g.passed[r];
      g.total[kept] = g.total[r];
      for (int j = 0; j < wide; ++j) g.grad_features[kept * wide + j] = g.grad_features[r * wide + j];
      ++kept;
    }
    alive = kept;
  }
  return first_row - start_row;
}

template <class T>
void scatter(const Scene<T>& scene, const Decoder<T>& net, const Spread<T>& spread, int64_t first, int64_t last,
             int plane, int from, int to, T* grad_plane, void* scratch) {
  constexpr int BLOCK = 64;  // fits any scratch: a group has more rows' worth of memory than this needs
  Bump bump{static_cast<char*>(scratch)};
  const Corners<T> corners = bump.take_corners<T>(BLOCK + AHEAD);
  for (int64_t row = first; row < last; row += BLOCK) {
    const int count = last - row < BLOCK ? int(last - row) : BLOCK;
    const T* position[3];
    for (int axis = 0; axis < 3; ++axis) position[axis] = spread.positions + axis * spread.capacity + row;
    find_corners(scene, net.channels_padded, plane, position, count, corners);
    const T* gradients = spread.gradients + row * net.channels_padded;
    if (scene.depth)
      spread_corners<T, 8>(corners, count, gradients, net.channels_padded, from, to, grad_plane);
    else
      spread_corners<T, 4>(corners, count, gradients, net.channels_padded, from, to, grad_plane);
  }
}

#if defined(__AVX512BF16__) || defined(TRIPLANE_WRITE_OUT_BF16)
constexpr bool BFLOAT16 = true;
#else
constexpr bool BFLOAT16 = false;
#endif

template <class T>
constexpr Kernels<T> kernels = {LANES<T>,   BFLOAT16,    scratch_size<T>, forward_skipping<T>,
                                forward<T>, backward<T>, scatter<T>};

}  // namespace

namespace triplane_render {
namespace TRIPLANE_ISA {
extern const Kernels<float> kernels32;
extern const Kernels<double> kernels64;
const Kernels<float> kernels32 = kernels<float>;
const Kernels<double> kernels64 = kernels<double>;
}  // namespace TRIPLANE_ISA
}  // namespace triplane_render
