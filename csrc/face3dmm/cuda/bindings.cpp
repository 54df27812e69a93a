// Addresses on the device and a stream in. Checks live on the Python side.
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
               int64_t face_count, int64_t channels, int64_t height, int64_t width, uintptr_t keys, uintptr_t stream) {
  const face3dmm::RasterParams raster{at<const float>(vertices), at<const int64_t>(faces), at<const float>(attributes),
                                      at<int32_t>(index), at<float>(depth), at<float>(barycentric),
                                      at<float>(picture), background, frames, vertex_count, face_count, channels,
                                      height, width};
  face3dmm::cuda_rasterize({raster, at<unsigned long long>(keys), at<void>(stream)});
}

}  // namespace

PYBIND11_MODULE(FACE3DMM_MODULE, m) {
  m.doc() = "CUDA kernels of face3dmm: raw pointers in, nothing of torch at build time.";
  m.attr("architectures") = FACE3DMM_ARCHITECTURES;
  m.def("rasterize", &rasterize, py::arg("vertices"), py::arg("faces"), py::arg("attributes"), py::arg("index"),
        py::arg("depth"), py::arg("barycentric"), py::arg("picture"), py::arg("background"), py::arg("frames"),
        py::arg("vertex_count"), py::arg("face_count"), py::arg("channels"), py::arg("height"), py::arg("width"),
        py::arg("keys"), py::arg("stream"));
}
