// Python's view of the kernels: addresses and sizes in, build information out. Checks live on the Python side.
#include <pybind11/pybind11.h>

#include "raster.h"

namespace py = pybind11;

namespace {

template <typename T>
T* at(uintptr_t address) {
  return reinterpret_cast<T*>(address);
}

void rasterize(uintptr_t vertices, uintptr_t faces, uintptr_t attributes, uintptr_t index, uintptr_t depth,
               uintptr_t barycentric, uintptr_t picture, float background, int64_t frames, int64_t vertex_count,
               int64_t face_count, int64_t channels, int64_t height, int64_t width) {
  const face3dmm::RasterParams params{at<const float>(vertices), at<const int64_t>(faces), at<const float>(attributes),
                                      at<int32_t>(index), at<float>(depth), at<float>(barycentric),
                                      at<float>(picture), background, frames, vertex_count, face_count, channels,
                                      height, width};
  py::gil_scoped_release unlocked;
  face3dmm::rasterize(params);
}

}  // namespace

PYBIND11_MODULE(_C, m) {
  m.doc() = "Compiled kernels of face3dmm: raw pointers in, nothing of torch at build time.";
  m.def("build_info", [] {
    py::dict info;
    info["compiler"] = __VERSION__;
#ifdef _OPENMP
    info["openmp"] = true;
#else
    info["openmp"] = false;
#endif
    return info;
  });
  m.def("rasterize", &rasterize, py::arg("vertices"), py::arg("faces"), py::arg("attributes"), py::arg("index"),
        py::arg("depth"), py::arg("barycentric"), py::arg("picture"), py::arg("background"), py::arg("frames"),
        py::arg("vertex_count"), py::arg("face_count"), py::arg("channels"), py::arg("height"), py::arg("width"));
}
