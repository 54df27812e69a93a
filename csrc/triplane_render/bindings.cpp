// Raw pointers in, nothing of torch at build time; the operators are registered in Python (`_ops.py`).
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "cpu/dispatch.h"
#include "cpu/render.h"
#include "shared_fields.h"

namespace py = pybind11;
using namespace triplane_render;

namespace {

// The keys are the fields of `Request`; absent pointers are null.
template <class T>
Request<T> request_of(const py::dict& d) {
  Request<T> q{};
  read_shared<T>(q, d);
  q.channels_last = d["channels_last"].cast<bool>();
  q.axes = d["axes"].cast<std::array<std::array<int, 3>, 3>>();
  q.scale = d["scale"].cast<double>();
  q.bfloat16_products = d["bfloat16_products"].cast<bool>();
  q.threads = d["threads"].cast<int>();
  q.instruction_set = d["instruction_set"].cast<std::string>();

  q.planes = pointer<const T*>(d, "planes");
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
