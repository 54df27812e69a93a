// Raw pointers in, nothing of torch at build time; the operators are registered in Python (`_ops.py`).
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "cpu/dispatch.h"
#include "cpu/render.h"

namespace py = pybind11;
using namespace triplane_render;

namespace {

template <class P>
P pointer(const py::dict& d, const char* name) {
  return d.contains(name) ? reinterpret_cast<P>(d[name].cast<uintptr_t>()) : nullptr;
}

// The keys are the fields of `Request`; absent pointers are null.
template <class T>
Request<T> request_of(const py::dict& d) {
  Request<T> q{};
  q.batch = d["batch"].cast<int64_t>();
  q.rays = d["rays"].cast<int64_t>();
  q.channels = d["channels"].cast<int>();
  q.depth = d["depth"].cast<int>();
  q.height = d["height"].cast<int>();
  q.width = d["width"].cast<int>();
  q.channels_last = d["channels_last"].cast<bool>();
  q.axes = d["axes"].cast<std::array<std::array<int, 3>, 3>>();
  q.scale = d["scale"].cast<double>();
  q.hidden = d["hidden"].cast<int>();
  q.features = d["features"].cast<int>();
  q.feature_activation = FeatureActivation(d["feature_activation"].cast<int>());
  q.march.samples = d["samples"].cast<int>();
  q.march.importance_samples = d["importance_samples"].cast<int>();
  q.march.rule = Rule(d["rule"].cast<int>());
  q.march.density_activation = DensityActivation(d["density_activation"].cast<int>());
  q.march.stop_transmittance = d["stop_transmittance"].cast<double>();
  q.threads = d["threads"].cast<int>();
  q.instruction_set = d["instruction_set"].cast<std::string>();

  q.planes = pointer<const T*>(d, "planes");
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
  q.grad_w1 = pointer<T*>(d, "grad_w1");
  q.grad_b1 = pointer<T*>(d, "grad_b1");
  q.grad_w2 = pointer<T*>(d, "grad_w2");
  q.grad_b2 = pointer<T*>(d, "grad_b2");
  return q;
}

template <class T>
void call(void (*render)(const Request<T>&), const py::dict& arguments) {
  const Request<T> request = request_of<T>(arguments);
  py::gil_scoped_release release;
  render(request);
}

}  // namespace

PYBIND11_MODULE(_C, m) {
  m.doc() = "Compiled kernels of triplane_render: raw pointers in, nothing of torch at build time.";
  m.def("build_info", [] {
    py::dict info;
    info["compiler"] = __VERSION__;
    info["instruction_sets"] = instruction_sets();
    info["cuda_architectures"] = std::vector<std::string>{};
    return info;
  });
  m.def("render_forward_float32", [](const py::dict& a) { call<float>(render_forward<float>, a); });
  m.def("render_forward_float64", [](const py::dict& a) { call<double>(render_forward<double>, a); });
  m.def("render_backward_float32", [](const py::dict& a) { call<float>(render_backward<float>, a); });
  m.def("render_backward_float64", [](const py::dict& a) { call<double>(render_backward<double>, a); });
}
