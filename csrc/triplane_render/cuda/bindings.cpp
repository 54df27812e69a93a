// Raw pointers and a stream in; the operators are registered in Python (`_cuda_ops.py`).
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>

#include "request.h"

namespace py = pybind11;
using namespace triplane_render;

namespace {

template <class P>
P pointer(const py::dict& d, const char* name) {
  return d.contains(name) ? reinterpret_cast<P>(d[name].cast<uintptr_t>()) : nullptr;
}

// The keys are the fields of `CudaRequest`; absent pointers are null.
template <class T>
CudaRequest<T> request_of(const py::dict& d) {
  CudaRequest<T> q{};
  q.batch = d["batch"].cast<int64_t>();
  q.rays = d["rays"].cast<int64_t>();
  q.channels = d["channels"].cast<int>();
  q.depth = d["depth"].cast<int>();
  q.height = d["height"].cast<int>();
  q.width = d["width"].cast<int>();
  const auto axes = d["axes"].cast<std::array<std::array<int, 3>, 3>>();
  for (int plane = 0; plane < 3; ++plane)
    for (int axis = 0; axis < 3; ++axis) q.axes[plane][axis] = axes[plane][axis];
  q.scale = T(d["scale"].cast<double>());
  q.hidden = d["hidden"].cast<int>();
  q.features = d["features"].cast<int>();
  q.feature_activation = FeatureActivation(d["feature_activation"].cast<int>());
  q.march.samples = d["samples"].cast<int>();
  q.march.importance_samples = d["importance_samples"].cast<int>();
  q.march.rule = Rule(d["rule"].cast<int>());
  q.march.density_activation = DensityActivation(d["density_activation"].cast<int>());
  q.march.stop_transmittance = d["stop_transmittance"].cast<double>();
  q.plane_type = PlaneType(d["plane_type"].cast<int>());
  q.gather = Gather(d["gather"].cast<int>());
  q.stream = pointer<void*>(d, "stream");
  q.planes = pointer<const void*>(d, "planes");
  q.w1 = pointer<const T*>(d, "w1");
  q.b1 = pointer<const T*>(d, "b1");
  q.w2 = pointer<const T*>(d, "w2");
  q.b2 = pointer<const T*>(d, "b2");
  q.origins = pointer<const T*>(d, "origins");
  q.directions = pointer<const T*>(d, "directions");
  q.near_limit = pointer<const T*>(d, "near");
  q.far_limit = pointer<const T*>(d, "far");
  q.occupied = pointer<const uint8_t*>(d, "occupied");
  q.cells = d["cells"].cast<int>();
  q.occupied_per_batch = d["occupied_per_batch"].cast<bool>();
  q.features_out = pointer<T*>(d, "features_out");
  q.depth_out = pointer<T*>(d, "depth_out");
  q.opacity_out = pointer<T*>(d, "opacity_out");
  q.grad_features = pointer<const T*>(d, "grad_features");
  q.grad_depth = pointer<const T*>(d, "grad_depth");
  q.grad_opacity = pointer<const T*>(d, "grad_opacity");
  q.grad_planes = pointer<T*>(d, "grad_planes");
  q.fixed_planes = pointer<int64_t*>(d, "fixed_planes");
  q.largest = pointer<T*>(d, "largest");
  q.fixed_scale = pointer<const T*>(d, "fixed_scale");
  q.grad_decoder = pointer<T*>(d, "grad_decoder");
  return q;
}

// use(request) in the type that the planes ask for.
template <class Use>
auto typed(const py::dict& d, Use use) {
  if (PlaneType(d["plane_type"].cast<int>()) == PlaneType::float64) return use(request_of<double>(d));
  return use(request_of<float>(d));
}

}  // namespace

PYBIND11_MODULE(TRIPLANE_MODULE, m) {
  m.doc() = "CUDA kernels of triplane_render: raw pointers in, nothing of torch at build time.";
  m.attr("architectures") = std::string(TRIPLANE_ARCHITECTURES);
  m.def("fits", [](const py::dict& d, bool backward) {
    return typed(d, [&](const auto& q) { return cuda_fits(q, backward); });
  });
  m.def("warps", [](const py::dict& d) { return typed(d, [](const auto& q) { return cuda_warps(q); }); });
  m.def("render_forward", [](const py::dict& d) { typed(d, [](const auto& q) { cuda_render_forward(q); }); });
  m.def("render_backward", [](const py::dict& d) { typed(d, [](const auto& q) { cuda_render_backward(q); }); });
}
