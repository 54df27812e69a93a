// Functions of one number, and the types of planes.
#pragma once
#include "device.h"
#include "../cpu/scene.h"

namespace triplane_render {

template <class T, class P>
__device__ inline T as(P value) {
  return T(value);
}
template <>
__device__ inline float as<float, __half>(__half value) {
  return __half2float(value);
}
template <>
__device__ inline float as<float, __nv_bfloat16>(__nv_bfloat16 value) {
  return __bfloat162float(value);
}
template <>
__device__ inline __half as<__half, float>(float value) {
  return __float2half_rn(value);
}
template <>
__device__ inline __nv_bfloat16 as<__nv_bfloat16, float>(float value) {
  return __float2bfloat16_rn(value);
}

// log(1 + exp(z)), which keeps nan.
template <class T>
__device__ inline T softplus(T z) {
  return (z > T(0) ? z : T(0)) + log1p(exp(z > T(0) ? -z : z));
}

template <class T>
__device__ inline T sigmoid(T z) {
  return T(1) / (T(1) + exp(-z));
}

// EG3D's sigmoid(x) * (1 + 2 * 0.001) - 0.001
template <class T>
__device__ inline T activate(T value, FeatureActivation activation) {
  return activation == FeatureActivation::none ? value : sigmoid(value) * T(1.002) - T(0.001);
}
template <class T>
__device__ inline T activation_slope(T value, FeatureActivation activation) {
  if (activation == FeatureActivation::none) return T(1);
  const T s = sigmoid(value);
  return s * (T(1) - s) * T(1.002);
}

template <class T>
__device__ inline T density(T logit, DensityActivation activation) {
  if (activation == DensityActivation::softplus) return softplus(logit - T(1));
  return logit < T(0) ? T(0) : logit;
}
template <class T>
__device__ inline T density_slope(T logit, DensityActivation activation) {
  if (activation == DensityActivation::softplus) return sigmoid(logit - T(1));
  return logit > T(0) ? T(1) : T(0);
}

}  // namespace triplane_render
