#include "render.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "decoder_sums.h"
#include "dispatch.h"
#include "layout.h"
#include "ray_order.h"

namespace triplane_render {
namespace {

constexpr int GROUP_ROWS = 128;    // samples marched together: their hidden units fit the second cache
constexpr int SKIPPING_SAMPLES = 1536;  // the same with an occupancy, which leaves few of them to shade
constexpr int CHUNK_ROWS = 512;    // samples that share one sum of decoder gradients
constexpr int WAVE_ROWS = 16384;   // samples whose plane gradients wait to be spread

// But for its planes.
template <class T>
Scene<T> scene_of(const Request<T>& q, int64_t b, int row_stride) {
  Scene<T> s{};
  s.row_stride = row_stride;
  s.depth = q.depth, s.height = q.height, s.width = q.width;
  for (int plane = 0; plane < 3; ++plane)
    for (int axis = 0; axis < 3; ++axis) s.axes[plane][axis] = q.axes[plane][axis];
  s.scale = T(q.scale);
  s.origins = q.origins + b * q.rays * 3;
  s.directions = q.directions + b * q.rays * 3;
  s.near_limit = q.near_limit + b * q.rays;
  s.far_limit = q.far_limit + b * q.rays;
  s.cells = q.cells;
  if (q.occupied)
    s.occupied = q.occupied + (q.occupied_per_batch ? b * int64_t(q.cells) * q.cells * q.cells : 0);
  s.features = q.features_out + b * q.rays * q.features;
  s.depths = q.depth_out + b * q.rays;
  s.opacity = q.opacity_out + b * q.rays;
  if (q.grad_features) {
    s.grad_features = q.grad_features + b * q.rays * q.features;
    s.grad_depths = q.grad_depth + b * q.rays;
    s.grad_opacity = q.grad_opacity + b * q.rays;
  }
  return s;
}

enum class Fate { marched, missed, broken };

template <class T>
Fate fate_of(const Scene<T>& s, int64_t ray) {
  bool finite = std::isfinite(s.near_limit[ray]) && std::isfinite(s.far_limit[ray]);
  for (int axis = 0; axis < 3; ++axis)
    finite = finite && std::isfinite(s.origins[3 * ray + axis]) && std::isfinite(s.directions[3 * ray + axis]);
  if (!finite) return Fate::broken;
  return s.far_limit[ray] > s.near_limit[ray] ? Fate::marched : Fate::missed;
}

// The rays to march.
template <class T>
std::vector<int32_t> rays_to_march(const Scene<T>& s, int64_t rays) {
  std::vector<int32_t> found;
  for (int64_t ray = 0; ray < rays; ++ray)
    if (fate_of(s, ray) == Fate::marched) found.push_back(int32_t(ray));
  return in_morton_order(s, found);
}

// Sets how many rays and samples go together. Depends on the request alone: results must not depend on threads.
March grouped(March march, bool skipping) {
  march.round = march.samples;
  if (skipping) {
    march.rays_per_group = std::max(1, SKIPPING_SAMPLES / (march.samples + march.importance_samples));
    return march;
  }
  if (march.stop_transmittance > 0 && march.rule == Rule::alpha) march.round = std::min(march.samples, 8);
  march.rays_per_group = std::max(1, GROUP_ROWS / (march.round + march.importance_samples));
  return march;
}

// The caller's planes as the kernels read them: where they are, if they lie so already, or copied.
template <class T>
struct GivenPlanes {
  const Request<T>& q;
  const bool in_place;
  const PlaneShape shape;
  const Block<T> copy;

  GivenPlanes(const Request<T>& request, int padded)
      : q(request),
        in_place(q.channels_last && padded == q.channels),
        shape(in_place ? PlaneShape::dense(q, padded) : PlaneShape::spaced(q, padded)),
        copy(in_place ? 0 : shape.size()) {}

  const T* take(Crew& crew, const Reach& reach, int64_t b) const {
    const T* from = q.planes + b * shape.rows * shape.width * q.channels;
    if (in_place) return from;
    take_planes(crew, shape, q.channels_last, reach, from, copy.get());
    return copy.get();
  }
};

template <class T>
size_t scratch_bytes(const Kernels<T>& kernels, const Decoder<T>& net, const March& march) {
  return (std::max<size_t>(kernels.scratch_size(net, march), 65536) + 63) / 64 * 64;
}

}  // namespace

template <class T>
void render_forward(const Request<T>& q) {
  const Kernels<T>& kernels = kernels_of<T>(q.instruction_set);
  const PackedDecoder<T> net(q, kernels.lanes, q.bfloat16_products && kernels.bfloat16);
  const March march = grouped(q.march, q.occupied);
  Crew crew(q.threads);
  const size_t bytes = scratch_bytes(kernels, net.view, march);
  const Block<char> scratch(bytes * crew.size());
  const GivenPlanes<T> given(q, net.view.channels_padded);
  const auto forward = q.occupied ? kernels.forward_skipping : kernels.forward;
  for (int64_t b = 0; b < q.batch; ++b) {
    Scene<T> scene = scene_of(q, b, given.shape.row_stride);
    for (int64_t ray = 0; ray < q.rays; ++ray) {
      const Fate fate = fate_of(scene, ray);
      if (fate == Fate::marched) continue;
      const T blank = fate == Fate::missed ? T(0) : std::numeric_limits<T>::quiet_NaN();
      std::fill_n(scene.features + ray * q.features, q.features, blank);
      scene.depths[ray] = scene.opacity[ray] = blank;
    }
    const std::vector<int32_t> rays = rays_to_march(scene, q.rays);
    scene.planes = given.take(crew, Reach(scene, rays), b);
    const int64_t together = march.rays_per_group, groups = (int64_t(rays.size()) + together - 1) / together;
    crew.run(groups, [&](int64_t group, int thread) {
      const int64_t first = group * together;
      const int count = int(std::min<int64_t>(together, int64_t(rays.size()) - first));
      forward(scene, net.view, march, rays.data() + first, count, scratch.get() + thread * bytes);
    });
  }
}

// Rays go in waves. In a wave, first each chunk of rays is marched again: it sums its own decoder gradients and
// leaves the gradient of every sample's plane features in `spread`. Then these are added to the planes, each
// thread owning some channels of some plane and going through the samples in order. So no two threads ever add
// to one number, and every number is a sum in an order that the request alone decides.
template <class T>
void render_backward(const Request<T>& q) {
  const Kernels<T>& kernels = kernels_of<T>(q.instruction_set);
  const PackedDecoder<T> net(q, kernels.lanes, q.bfloat16_products && kernels.bfloat16);
  const March march = grouped(q.march, false);
  Crew crew(q.threads);
  const size_t bytes = scratch_bytes(kernels, net.view, march);
  const Block<char> scratch(bytes * crew.size());

  const int64_t rows_per_ray = march.samples + march.importance_samples, together = march.rays_per_group;
  const int64_t chunk_rays = std::max<int64_t>(1, CHUNK_ROWS / (rows_per_ray * together)) * together;
  const int64_t chunks = std::max<int64_t>(1, WAVE_ROWS / (rows_per_ray * chunk_rays));
  const int64_t chunk_rows = chunk_rays * rows_per_ray;

  const bool want_planes = q.grad_planes, want_decoder = q.grad_w1;
  const int padded = net.view.channels_padded;
  const GivenPlanes<T> given(q, padded);
  // Gradients are summed with the channels last, in the caller's memory if they fit.
  const PlaneShape sums_shape = PlaneShape::turned(q, padded);
  const bool fits = padded == q.channels;
  const Block<T> own_sums(want_planes && !fits ? sums_shape.size() : 0);
  const int64_t plane_size = sums_shape.size() / 3, entry = sums_shape.rows * q.width * q.channels;
  DecoderSums<T> sums(net.view, kernels.lanes, int(chunks));
  Spread<T> spread{};
  spread.capacity = want_planes ? chunks * chunk_rows : 0;
  const Block<T> positions(3 * spread.capacity + 16);  // the last is read in whole vectors
  const Block<T> gradients(padded * spread.capacity);
  spread.positions = positions.get(), spread.gradients = gradients.get();
  std::vector<int64_t> filled(chunks);

  // Whose channels each task of spreading adds up: as few cuts as keep all threads busy alike.
  struct Part {
    int plane, from, to;
  };
  std::vector<Part> parts;
  const int vectors = padded / kernels.lanes;
  for (int plane = 0; want_planes && plane < 3; ++plane) {
    const int cuts = crew.size() > 2 ? (2 * crew.size() + 2) / 3 : crew.size() == 2 && plane == 2 ? 2 : 1;
    for (int cut = 0, here = std::min(cuts, vectors); cut < here; ++cut)
      parts.push_back({plane, vectors * cut / here * kernels.lanes, vectors * (cut + 1) / here * kernels.lanes});
  }

  for (int64_t b = 0; b < q.batch; ++b) {
    Scene<T> scene = scene_of(q, b, given.shape.row_stride);
    const std::vector<int32_t> rays = rays_to_march(scene, q.rays);
    const Reach reach(scene, rays);
    scene.planes = given.take(crew, reach, b);
    Scene<T> summed = scene;
    summed.row_stride = sums_shape.row_stride, summed.turn = sums_shape.turn;
    T* const wanted = want_planes ? q.grad_planes + b * entry : nullptr;
    T* const plane_sums = fits ? wanted : own_sums.get();
    const bool in_place = fits && q.channels_last;
    if (want_planes && in_place)
      crew.run(sums_shape.rows, [&](int64_t row, int) {
        std::fill_n(wanted + row * sums_shape.row_stride, sums_shape.row_stride, T(0));
      });
    else if (want_planes)
      each_reached(crew, sums_shape, reach,
                   [&](int64_t first, int size) { std::fill_n(plane_sums + first, size, T(0)); });
    const int64_t count = int64_t(rays.size());
    for (int64_t wave = 0; wave < count; wave += chunks * chunk_rays) {
      const int64_t left = count - wave;
      const int64_t here = std::min(chunks, (left + chunk_rays - 1) / chunk_rays);
      crew.run(here, [&](int64_t chunk, int thread) {
        const int64_t first = wave + chunk * chunk_rays, last = std::min(first + chunk_rays, count);
        DecoderGradient<T> gradient{};
        if (want_decoder) gradient = sums.cleared(int(chunk));
        int64_t row = chunk * chunk_rows;
        for (int64_t ray = first; ray < last; ray += together)
          row += kernels.backward(scene, net.view, march, rays.data() + ray, int(std::min(together, last - ray)),
                                  scratch.get() + thread * bytes, want_decoder ? &gradient : nullptr,
                                  want_planes ? &spread : nullptr, row);
        filled[chunk] = row;
      });
      crew.run(int64_t(parts.size()) + (want_decoder ? 1 : 0), [&](int64_t task, int thread) {
        if (task == int64_t(parts.size())) return sums.add_up(int(here));
        const Part& part = parts[task];
        for (int64_t chunk = 0; chunk < here; ++chunk)
          kernels.scatter(summed, net.view, spread, chunk * chunk_rows, filled[chunk], part.plane, part.from, part.to,
                          plane_sums + part.plane * plane_size, scratch.get() + thread * bytes);
      });
    }
    if (!want_planes) continue;
    if (in_place) {
      straighten(crew, sums_shape, reach, wanted);
      continue;
    }
    // To be turned, sums in the caller's memory give way to where the planes were copied, which have been read.
    T* const from = fits ? given.copy.get() : plane_sums;
    if (fits)
      each_reached(crew, sums_shape, reach,
                   [&](int64_t first, int size) { std::copy_n(wanted + first, size, from + first); });
    give_planes(crew, sums_shape, q.channels_last, reach, from, wanted);
  }
  if (want_decoder) sums.write(q);
}

template void render_forward<float>(const Request<float>&);
template void render_forward<double>(const Request<double>&);
template void render_backward<float>(const Request<float>&);
template void render_backward<double>(const Request<double>&);

}  // namespace triplane_render
