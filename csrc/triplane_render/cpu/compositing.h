// Weighing the samples of one ray front to back, and the gradient of that.
#pragma once
#include "scene.h"
#include "simd.h"

namespace {

using namespace triplane_render;

// The pieces of a ray that have one density each: samples (rule alpha) or the intervals between (midpoint).
template <class T>
struct Pieces {
  T *logit, *width, *depth;  // in
  T *alpha;                  // 1 - exp(-density width)
  T *slope;                  // d density / d logit
  T *weight;                 // share of the light that stops here
  T *light_after;
};

// alpha and slope of `count` pieces; reads and writes up to whole vectors.
template <class T>
void find_alphas(const Pieces<T>& p, int count, DensityActivation activation) {
  for (int i = 0; i < count; i += LANES<T>) {
    const Vector<T> logit = load(p.logit + i);
    Vector<T> density, slope;
    if (activation == DensityActivation::softplus) {
      density = softplus(logit - T(1), slope);
    } else {
      density = logit < T(0) ? Vector<T>{} : logit;
      slope = logit > T(0) ? splat(T(1)) : Vector<T>{};
    }
    store(p.slope + i, slope);
    const Vector<T> alpha = one_minus_exp_negative(density * load(p.width + i));
    store(p.alpha + i, density == density ? alpha : density);  // nan stays nan
  }
}

// Light below this is darkness: it keeps products of many small numbers from becoming denormal, which is slow.
template <class T>
constexpr T DARK = T(1e-30);

// Weights of `count` pieces of one ray. Returns the light that is left; pieces behind `stop` weigh nothing.
template <class T>
T find_weights(const Pieces<T>& p, int begin, int count, T light, T stop) {
  for (int i = begin; i < begin + count; ++i) {
    if (light < stop) light = 0;
    const T weight = light * p.alpha[i];
    p.weight[i] = weight;
    light -= weight;
    if (light < DARK<T>) light = 0;
    p.light_after[i] = light;
  }
  return light;
}

// Gradient of the logits of one ray's pieces, into p.logit.
//
// With g_i = d loss / d weight_i and tau = density * width:
//   d loss / d tau_i = g_i light_after_i - sum_{j > i} weight_j g_j,
// and the sum is `total`, known from the ray's outputs, less what has passed (`passed`, carried on).
template <class T>
void find_logit_gradients(const Pieces<T>& p, int begin, int count, const T* grad_weight, T total, T& passed) {
  for (int i = begin; i < begin + count; ++i) {
    passed += p.weight[i] * grad_weight[i];
    const bool dark = p.weight[i] == 0 && p.light_after[i] == 0;
    const T grad_tau = grad_weight[i] * p.light_after[i] - (total - passed);
    p.logit[i] = dark ? T(0) : grad_tau * p.width[i] * p.slope[i];
  }
}

}  // namespace
