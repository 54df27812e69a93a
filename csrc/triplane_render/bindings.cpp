// Build information of the compiled module; the operators register beside it.
#include <pybind11/pybind11.h>

namespace py = pybind11;

PYBIND11_MODULE(_C, m) {
  m.doc() = "Compiled kernels of triplane_render: raw pointers in, nothing of torch at build time.";
  m.def("build_info", [] {
    py::dict info;
    info["compiler"] = __VERSION__;
    return info;
  });
}
