// The march of a group of rays that shades no sample where nothing is, and none behind what is opaque.
#pragma once
#include "group.h"

namespace {

template <class T>
constexpr T NOTHING = T(-1e3);        // the logit of a sample that is not shaded: density 0 beside any other
template <class T>
constexpr T FAINT = T(1e-5);          // samples that weigh less get no colour; a hundred of them are 0.001
constexpr int LOOK_AHEAD = 8;         // samples per ray between two looks at the light that is left

// Whether a point may hold anything; nothing lies outside the cube.
template <class T>
inline bool is_occupied(const Scene<T>& s, const T point[3]) {
  int64_t cell = 0;
  for (int axis = 2; axis >= 0; --axis) {
    const T at = (point[axis] * s.scale + T(1)) * T(0.5) * T(s.cells);
    if (!(at >= 0 && at < T(s.cells))) return false;
    cell = cell * s.cells + int64_t(at);
  }
  return s.occupied[cell];
}

// Gives sample `row` of a ray a place among those to shade if its cell is occupied; returns the next free place.
template <class T>
inline int claim(Group<T>& g, int32_t index, int row, int next) {
  const T* o = g.scene.origins + 3 * int64_t(index);
  const T* d = g.scene.directions + 3 * int64_t(index);
  const T depth = g.depth[row], point[3] = {o[0] + depth * d[0], o[1] + depth * d[1], o[2] + depth * d[2]};
  g.slot[row] = -1;
  g.sample_logit[row] = NOTHING<T>;
  if (!is_occupied(g.scene, point)) return next;
  for (int axis = 0; axis < 3; ++axis) g.position[axis][next] = point[axis];
  g.slot[row] = next;
  return next + 1;
}

// Shades places [from, to) and hands their logits to samples row, row + stride, ... of each ray.
template <class T>
void shade_claimed(Group<T>& g, int from, int to) {
  if (to > from) g.shade(from, to, false);
}
template <class T>
inline void fetch_logit(Group<T>& g, int row) {
  if (g.slot[row] >= 0) g.sample_logit[row] = g.logit[g.slot[row]];
}

template <class T>
void forward_skipping(const Scene<T>& scene, const Decoder<T>& net, const March& march, const int32_t* rays, int count,
                      void* scratch) {
  Bump bump{static_cast<char*>(scratch)};
  Group<T> g(scene, net, march, bump, false);
  const int first = march.samples, more = march.importance_samples, wide = net.features_padded;
  const T stop = T(march.stop_transmittance);
  int places = 0;

  // The first march, a few samples of every ray that is still light at a time. `total` is where a ray became dark.
  for (int r = 0; r < count; ++r) {
    g.ray[r] = rays[r];
    g.light[r] = 1;
    g.total[r] = scene.far_limit[rays[r]];
    g.step(g.ray[r], 0, first, r, count);
    for (int k = 0; k < first; ++k) {
      const int row = r + k * count;
      g.order[r * first + k] = row;
      g.slot[row] = -1;
      g.sample_logit[row] = NOTHING<T>;
    }
  }
  const int ahead = stop > 0 ? LOOK_AHEAD : first;
  for (int begin = 0; begin < first; begin += ahead) {
    const int end = begin + ahead < first ? begin + ahead : first, from = places;
    for (int k = begin; k < end; ++k)
      for (int r = 0; r < count; ++r)
        if (g.light[r] >= stop) places = claim(g, g.ray[r], r + k * count, places);
    shade_claimed(g, from, places);
    for (int row = begin * count; row < end * count; ++row) fetch_logit(g, row);
    if (!(stop > 0) || end == first || places == from) continue;
    const int seen = march.rule == Rule::alpha || begin == 0 ? begin : begin - 1;
    for (int r = 0; r < count; ++r) {
      if (g.light[r] < stop) continue;
      const int pieces = g.find_pieces(r, r * first + seen, end - seen, 0);
      find_alphas(g.pieces, pieces, march.density_activation);
      g.light[r] = find_weights(g.pieces, 0, pieces, g.light[r], T(0));
      if (g.light[r] < stop) g.total[r] = g.depth[r + (end - 1) * count];
    }
  }

  int rows = first;
  if (more) {
    const int intervals = first - 1, start = places;
    for (int r = 0; r < count; ++r) g.find_pieces(r, r * first, first, r * intervals);
    find_alphas(g.pieces, count * intervals, march.density_activation);
    for (int r = 0; r < count; ++r) {
      find_weights(g.pieces, r * intervals, intervals, T(1), T(0));
      importance_depths(g.depth + r, count, g.pieces.weight + r * intervals, first, more, g.cdf,
                        g.depth + first * count + r);
    }
    for (int k = first; k < first + more; ++k)
      for (int r = 0; r < count; ++r) {
        const int row = r + k * count;
        g.slot[row] = -1;
        g.sample_logit[row] = NOTHING<T>;
        if (!(g.depth[row] > g.total[r])) places = claim(g, g.ray[r], row, places);
      }
    shade_claimed(g, start, places);
    for (int row = first * count; row < (first + more) * count; ++row) fetch_logit(g, row);
    rows = first + more;
    for (int r = 0; r < count; ++r)
      merge(g.depth, count, r, first, first * count + r, more, g.order + r * rows);
  }

  for (int r = 0; r < count; ++r) g.light[r] = 1;
  const int per_ray = g.weigh_round(count, rows);

  // Only what can be seen gets a colour: its hidden units move to the front.
  int coloured = 0;
  const int hidden = net.hidden_padded;
  for (int row = 0; row < rows * count; ++row) {
    const int from = g.slot[row];
    if (from < 0) continue;
    g.slot[row] = -1;
    if (g.row_weight[row] < FAINT<T>) continue;  // nan is not
    // Places were given in the order of rows, so that none is overwritten before it is read.
    if (from != coloured) __builtin_memmove(g.hidden + int64_t(coloured) * hidden, g.hidden + int64_t(from) * hidden,
                                            size_t(hidden) * sizeof(T));
    g.slot[row] = coloured++;
  }
  g.colour(coloured);
  for (int r = 0; r < count; ++r) {
    T* sum_features = g.sum_features;
    for (int j = 0; j < wide; ++j) sum_features[j] = 0;
    for (int s = 0; s < rows; ++s) {
      const int row = g.order[r * rows + s];
      if (g.slot[row] < 0) continue;
      const Vector<T> weight = splat(g.row_weight[row]);
      for (int j = 0; j < wide; j += LANES<T>)
        store(sum_features + j, load(sum_features + j) + weight * load(g.out + int64_t(g.slot[row]) * wide + j));
    }
    T depth = 0, opacity = 0;
    for (int i = r * per_ray; i < (r + 1) * per_ray; ++i) {
      depth += g.pieces.weight[i] * g.pieces.depth[i];
      opacity += g.pieces.weight[i];
    }
    const int64_t index = g.ray[r];
    for (int j = 0; j < net.features; ++j) scene.features[index * net.features + j] = sum_features[j];
    scene.depths[index] = depth;
    scene.opacity[index] = opacity;
  }
}

}  // namespace
