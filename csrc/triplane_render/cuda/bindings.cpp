// Raw pointers and a stream in; the operators are registered in Python (`_ops.py`).
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>

#include "../shared_fields.h"
#include "request.h"

namespace py = pybind11;
using namespace triplane_render;

namespace {

// The keys are the fields of `CudaRequest`; absent pointers are null.
template <class T>
CudaRequest<T> request_of(const py::dict& d) {
  CudaRequest<T> q{};
  read_shared<T>(q, d);
  const auto axes = d["axes"].cast<std::array<std::array<int, 3>, 3>>();
  for (int plane = 0; plane < 3; ++plane)
    for (int axis = 0; axis < 3; ++axis) q.axes[plane][axis] = axes[plane][axis];
  q.scale = T(d["scale"].cast<double>());
  q.plane_type = PlaneType(d["plane_type"].cast<int>());
  q.gather = Gather(d["gather"].cast<int>());
  q.stream = pointer<void*>(d, "stream");
  q.planes = pointer<const void*>(d, "planes");
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
