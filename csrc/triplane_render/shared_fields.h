// What `Request` and `CudaRequest` have alike, out of the dictionary that Python gives.
#pragma once
#include <pybind11/pybind11.h>

#include "cpu/scene.h"

namespace triplane_render {

// Absent pointers are null.
template <class P>
P pointer(const pybind11::dict& d, const char* name) {
  return d.contains(name) ? reinterpret_cast<P>(d[name].cast<uintptr_t>()) : nullptr;
}

// The keys are the names of the fields.
template <class T, class Q>
void read_shared(Q& q, const pybind11::dict& d) {
  q.batch = d["batch"].cast<int64_t>();
  q.rays = d["rays"].cast<int64_t>();
  q.channels = d["channels"].cast<int>();
  q.depth = d["depth"].cast<int>();
  q.height = d["height"].cast<int>();
  q.width = d["width"].cast<int>();
  q.hidden = d["hidden"].cast<int>();
  q.features = d["features"].cast<int>();
  q.feature_activation = FeatureActivation(d["feature_activation"].cast<int>());
  q.march.samples = d["samples"].cast<int>();
  q.march.importance_samples = d["importance_samples"].cast<int>();
  q.march.rule = Rule(d["rule"].cast<int>());
  q.march.density_activation = DensityActivation(d["density_activation"].cast<int>());
  q.march.stop_transmittance = d["stop_transmittance"].cast<double>();
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
}

}  // namespace triplane_render
