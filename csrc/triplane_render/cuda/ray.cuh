// One ray, marched by one warp: the same steps as `render_planes_reference`.
#pragma once
#include "plan.cuh"

namespace triplane_render {

template <class T>
constexpr T NOTHING = T(-1e3);  // the logit of a sample in an empty cell: density 0 beside any other

enum class Fate { marched, missed, broken };

template <class T, class P, class Products>
struct Ray {
  const CudaRequest<T>& q;
  const DecoderMemory<T, Products>& net;
  const WarpMemory<T, Products>& m;
  int64_t index = 0, entry = 0;  // of the ray; of its planes, in elements
  T origin[3], direction[3], near_limit, far_limit;
  using E = typename Products::Element;

  __device__ Ray(const CudaRequest<T>& q, const DecoderMemory<T, Products>& net, const WarpMemory<T, Products>& m)
      : q(q), net(net), m(m) {}

  __device__ Fate start(int64_t ray) {
    index = ray;
    entry = ray / q.rays * 3 * (q.depth ? q.depth : 1) * q.height * q.width * q.channels;
    near_limit = q.near_limit[ray], far_limit = q.far_limit[ray];
    bool finite = isfinite(near_limit) && isfinite(far_limit);
    for (int axis = 0; axis < 3; ++axis) {
      origin[axis] = q.origins[3 * ray + axis], direction[axis] = q.directions[3 * ray + axis];
      finite = finite && isfinite(origin[axis]) && isfinite(direction[axis]);
    }
    if (!finite) return Fate::broken;
    return far_limit > near_limit ? Fate::marched : Fate::missed;
  }

  // Takes all samples of the ray: depths, logits, features and the order of depths. Returns their number.
  __device__ int take_samples() const {
    const int first = q.march.samples, more = q.march.importance_samples;
    for (int k = lane(); k < first; k += WARP) {
      const T share = q.march.rule == Rule::alpha ? (T(k) + T(0.5)) / T(first) : T(k) / T(first - 1);
      m.depth[k] = near_limit + (far_limit - near_limit) * share;
      m.order[k] = k;
    }
    __syncwarp();
    for (int k = 0; k < first; k += TILE) shade(k, first - k < TILE ? first - k : TILE);
    if (!more) return first;
    weigh(first, T(0));
    place_importance_samples();
    for (int k = first; k < first + more; k += TILE) shade(k, first + more - k < TILE ? first + more - k : TILE);
    merge();
    return first + more;
  }

  // Plane features and hidden units of a tile, into m.x and m.hidden.
  __device__ void decode(int sample, int rows) const {
    find_corners(q, origin, direction, m.depth + sample, rows, m.corners);
    __syncwarp();
    gather<T, P, E>(static_cast<const P*>(q.planes) + entry, q.channels, m.corners, m.x, m.x_stride);
    __syncwarp();
    Products::by_rows(m.x, m.x_stride, net.w1, net.w1_stride, Products::padded(q.channels), q.hidden,
                      [&](int row, int unit, T value) {
                        m.hidden[row * m.hidden_stride + unit] = as<E>(softplus(value + net.b1[unit]));
                      });
    __syncwarp();
  }

  // Finds which samples of a tile lie in occupied cells, into m.held; returns whether any does.
  __device__ bool look(int sample, int rows) const {
    bool held = lane() < rows;
    if (held && q.occupied) {
      int64_t cell = q.occupied_per_batch ? index / q.rays : 0;
      for (int axis = 2; axis >= 0; --axis) {
        const T point = origin[axis] + m.depth[sample + lane()] * direction[axis];
        const T at = (point * q.scale + T(1)) * T(0.5) * T(q.cells);
        held = held && at >= T(0) && at < T(q.cells);
        cell = cell * q.cells + (held ? int(at) : 0);
      }
      held = held && q.occupied[cell];
    }
    if (lane() < TILE) m.held[lane()] = held;
    return __any_sync(ALL, held);
  }

  __device__ void shade(int sample, int rows) const {
    if (!look(sample, rows)) {
      for (int row = lane(); row < rows; row += WARP) m.logit[sample + row] = NOTHING<T>;
      for (int i = lane(); i < rows * q.features; i += WARP) m.features[sample * q.features + i] = T(0);
      __syncwarp();
      return;
    }
    decode(sample, rows);
    Products::by_rows(m.hidden, m.hidden_stride, net.w2, net.w2_stride, Products::padded(q.hidden), q.features + 1,
                      [&](int row, int column, T value) {
                        if (row >= rows) return;
                        value += net.b2[column];
                        if (column == 0)
                          m.logit[sample + row] = m.held[row] ? value : NOTHING<T>;
                        else
                          m.features[(sample + row) * q.features + column - 1] =
                              m.held[row] ? activate(value, q.feature_activation) : T(0);
                      });
    __syncwarp();
  }

  __device__ int pieces_of(int samples) const { return q.march.rule == Rule::alpha ? samples : samples - 1; }

  // A piece of the ray that has one density: a sample (rule alpha), or the interval after one (midpoint).
  struct Piece {
    T logit, width, depth;
    T thickness, light;  // density times width; the share of light that arrives
    bool stopped;
    __device__ T weight() const { return stopped ? T(0) : light * -expm1(-thickness); }
  };

  // Calls visit(i, piece) for pieces in order, 32 at a time; all lanes must come along, so that beyond the last
  // piece it is called with i = -1.
  template <class Visit>
  __device__ void walk(int samples, T stop, Visit visit) const {
    const int count = pieces_of(samples);
    T passed = 0;
    for (int first = 0; first < count; first += WARP) {
      const int i = first + lane();
      Piece piece{};
      if (i < count) {
        const int a = m.order[i];
        if (q.march.rule == Rule::alpha) {
          piece.logit = m.logit[a], piece.depth = m.depth[a];
          piece.width = (far_limit - near_limit) / T(q.march.samples);
        } else {
          const int b = m.order[i + 1];
          piece.logit = (m.logit[a] + m.logit[b]) / 2, piece.depth = (m.depth[a] + m.depth[b]) / 2;
          piece.width = m.depth[b] - m.depth[a];
        }
        piece.thickness = density(piece.logit, q.march.density_activation) * piece.width;
      }
      T before;
      const T all = warp_scan(piece.thickness, before);
      piece.light = exp(-(passed + before));
      piece.stopped = piece.light < stop;
      visit(i < count ? i : -1, piece);
      passed += last_of(all);
    }
    __syncwarp();
  }

  // Weights of the pieces.
  __device__ void weigh(int samples, T stop) const {
    walk(samples, stop, [&](int i, const Piece& piece) {
      if (i >= 0) m.piece[i] = piece.weight();
    });
  }

  // Spreads weights of pieces over the samples that they are made of.
  __device__ void weigh_samples(int samples, const T* pieces, T* to) const {
    const int count = pieces_of(samples);
    for (int s = lane(); s < samples; s += WARP) {
      const T before = s > 0 ? pieces[s - 1] : T(0), after = s < count ? pieces[s] : T(0);
      to[m.order[s]] = q.march.rule == Rule::alpha ? after : (before + after) / 2;
    }
    __syncwarp();
  }

  // See importance_depths_reference.
  __device__ void place_importance_samples() const {
    const int samples = q.march.samples, more = q.march.importance_samples, bins = samples - 3;
    const T weight_floor = T(0.01), pdf_floor = T(1e-5);
    const auto larger = [](T a, T b) { return a < b ? b : a; };
    const auto middle = [&](int i) { return (m.depth[i] + m.depth[i + 1]) / 2; };
    T passed = 0;
    if (lane() == 0) m.summed[0] = 0;
    for (int first = 0; first < bins; first += WARP) {
      const int i = first + lane();
      T share = 0, before;
      if (i < bins) {
        const T here = m.piece[i + 1], after = i + 2 < samples - 1 ? m.piece[i + 2] : T(0);
        share = (larger(m.piece[i], here) + larger(here, after)) / 2 + weight_floor + pdf_floor;
      }
      const T all = warp_scan(share, before);
      if (i < bins) m.summed[i + 1] = passed + all;
      passed += last_of(all);
    }
    __syncwarp();
    const T whole = m.summed[bins];
    for (int i = lane(); i < more; i += WARP) {
      const T u = more > 1 ? T(i) / T(more - 1) * whole : T(0);
      int low = 0, high = bins;  // the first bin whose end lies beyond u
      while (low < high) {
        const int half = (low + high) / 2;
        if (m.summed[half + 1] <= u) low = half + 1; else high = half;
      }
      T at = middle(low);
      if (low < bins) at += (u - m.summed[low]) / (m.summed[low + 1] - m.summed[low]) * (middle(low + 1) - at);
      m.depth[samples + i] = at;
      m.order[samples + i] = samples + i;
    }
    __syncwarp();
  }

  // Puts both lists, each in order, in one order; the first list comes first where depths are equal. A depth of
  // nan leaves some places as they were, which are samples all the same.
  __device__ void merge() const {
    const int first = q.march.samples, more = q.march.importance_samples;
    const auto before = [&](const T* list, int count, T depth, bool equal) {
      int low = 0, high = count;
      while (low < high) {
        const int half = (low + high) / 2;
        if (list[half] < depth || (equal && list[half] == depth)) low = half + 1; else high = half;
      }
      return low;
    };
    __syncwarp();
    for (int i = lane(); i < first; i += WARP) m.order[i + before(m.depth + first, more, m.depth[i], false)] = i;
    for (int i = lane(); i < more; i += WARP)
      m.order[i + before(m.depth, first, m.depth[first + i], true)] = first + i;
    __syncwarp();
  }
};

}  // namespace triplane_render
