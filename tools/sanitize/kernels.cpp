// Calls every CPU kernel with random input of many shapes, for a build with sanitizers: no Python, no torch.
// Arguments: the seed and the number of scenes.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "../../csrc/face3dmm/raster.h"
#include "../../csrc/triplane_render/cpu/dispatch.h"
#include "../../csrc/triplane_render/cpu/render.h"

namespace {

using namespace triplane_render;
using Draw = std::mt19937;

int choose(Draw& draw, std::vector<int> from) { return from[draw() % from.size()]; }

// Exactly as long as said, on the heap, so that one element too far is seen.
template <class T>
std::vector<T> numbers(Draw& draw, size_t count, double size = 1) {
  std::normal_distribution<double> normal(0, size);
  std::vector<T> out(count);
  for (T& value : out) value = T(normal(draw));
  if (count > 20 && draw() % 8 == 0) out[draw() % count] = std::numeric_limits<T>::quiet_NaN();
  if (count > 20 && draw() % 8 == 0) out[draw() % count] = std::numeric_limits<T>::infinity();
  return out;
}

template <class T>
void render(Draw& draw, const std::string& instruction_set) {
  Request<T> q{};
  q.batch = choose(draw, {0, 1, 2}), q.rays = choose(draw, {0, 1, 7, 130});
  q.channels = choose(draw, {1, 8, 24, 33}), q.hidden = choose(draw, {1, 16, 40}), q.features = choose(draw, {1, 3, 25});
  q.depth = choose(draw, {0, 0, 3}), q.height = choose(draw, {1, 6}), q.width = choose(draw, {1, 9});
  q.channels_last = draw() % 2;
  q.axes = {{{0, 1, 2}, {0, 2, 1}, {2, 1, 0}}};
  q.scale = 2;
  q.feature_activation = FeatureActivation(draw() % 2);
  q.march.rule = Rule(draw() % 2);
  q.march.importance_samples = q.march.rule == Rule::midpoint ? choose(draw, {0, 1, 20}) : 0;
  q.march.samples = choose(draw, {5, 8, 40});
  q.march.density_activation = DensityActivation(draw() % 2);
  q.march.stop_transmittance = draw() % 2 ? 0.05 : 0;
  q.threads = choose(draw, {1, 2, 5});
  q.instruction_set = instruction_set;

  const size_t texels = size_t(q.depth ? q.depth : 1) * q.height * q.width, rays = size_t(q.batch) * q.rays;
  const auto planes = numbers<T>(draw, q.batch * 3 * q.channels * texels);
  const auto w1 = numbers<T>(draw, q.hidden * q.channels), b1 = numbers<T>(draw, q.hidden);
  const auto w2 = numbers<T>(draw, (1 + q.features) * q.hidden), b2 = numbers<T>(draw, 1 + q.features);
  const auto origins = numbers<T>(draw, rays * 3), directions = numbers<T>(draw, rays * 3);
  const auto near_limit = numbers<T>(draw, rays, 0.5);
  auto far_limit = near_limit;
  for (T& value : far_limit) value += T(draw() % 4) / 2;
  std::vector<T> features(rays * q.features), depth(rays), opacity(rays);
  q.planes = planes.data(), q.w1 = w1.data(), q.b1 = b1.data(), q.w2 = w2.data(), q.b2 = b2.data();
  q.origins = origins.data(), q.directions = directions.data();
  q.near_limit = near_limit.data(), q.far_limit = far_limit.data();
  q.features_out = features.data(), q.depth_out = depth.data(), q.opacity_out = opacity.data();
  render_forward(q);

  const auto grad_features = numbers<T>(draw, features.size()), grad_depth = numbers<T>(draw, rays);
  const auto grad_opacity = numbers<T>(draw, rays);
  std::vector<T> grad_planes(planes.size()), grad_w1(w1.size()), grad_b1(b1.size()), grad_w2(w2.size());
  std::vector<T> grad_b2(b2.size());
  q.grad_features = grad_features.data(), q.grad_depth = grad_depth.data(), q.grad_opacity = grad_opacity.data();
  if (draw() % 4) q.grad_planes = grad_planes.data();
  if (draw() % 4) {
    q.grad_w1 = grad_w1.data(), q.grad_b1 = grad_b1.data(), q.grad_w2 = grad_w2.data(), q.grad_b2 = grad_b2.data();
  }
  render_backward(q);

  q.cells = choose(draw, {1, 5});
  q.occupied_per_batch = draw() % 2;
  std::vector<uint8_t> occupied((q.occupied_per_batch ? q.batch : 1) * q.cells * q.cells * q.cells);
  for (uint8_t& cell : occupied) cell = draw() % 2;
  if (occupied.empty()) occupied.push_back(1);
  q.occupied = occupied.data();
  render_forward(q);
}

void raster(Draw& draw) {
  face3dmm::RasterParams p{};
  p.frames = choose(draw, {0, 1, 3}), p.vertex_count = choose(draw, {3, 40}), p.face_count = choose(draw, {0, 1, 90});
  p.channels = choose(draw, {1, 3}), p.height = choose(draw, {1, 17, 64}), p.width = choose(draw, {1, 33, 64});
  auto vertices = numbers<float>(draw, p.frames * p.vertex_count * 3, choose(draw, {1, 40, 100000}));
  std::vector<int64_t> faces(p.face_count * 3);
  for (int64_t& corner : faces) corner = draw() % p.vertex_count;
  const auto attributes = numbers<float>(draw, p.vertex_count * p.channels);
  const size_t pixels = p.frames * p.height * p.width;
  std::vector<int32_t> index(pixels);
  std::vector<float> depth(pixels), barycentric(pixels * 3), picture(pixels * p.channels);
  p.vertices = vertices.data(), p.faces = faces.data(), p.attributes = attributes.data();
  p.index = index.data(), p.depth = depth.data(), p.barycentric = barycentric.data(), p.picture = picture.data();
  face3dmm::rasterize(p);
}

}  // namespace

int main(int, char** arguments) {
  Draw draw(unsigned(std::atoi(arguments[1])));
  const int scenes = std::atoi(arguments[2]);
  for (const std::string& name : instruction_sets()) {
    for (int i = 0; i < scenes; ++i) {
      render<float>(draw, name);
      render<double>(draw, name);
    }
    std::printf("%s: %d scenes of each type\n", name.c_str(), scenes);
  }
  for (int i = 0; i < 10 * scenes; ++i) raster(draw);
  std::printf("raster: %d meshes\n", 10 * scenes);
}
