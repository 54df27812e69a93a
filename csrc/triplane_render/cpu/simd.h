// Vectors of the width of the instruction set this file is compiled for, and functions of them.
//
// Everything is in an anonymous namespace: see scene.h.
#pragma once
#include <math.h>
#include <stdint.h>

#if defined(__AVX512F__)
#define TRIPLANE_VECTOR_BYTES 64
#define TRIPLANE_ACCUMULATORS 24
#elif defined(__AVX__)
#define TRIPLANE_VECTOR_BYTES 32
#define TRIPLANE_ACCUMULATORS 12
#else
#define TRIPLANE_VECTOR_BYTES 16
#define TRIPLANE_ACCUMULATORS 12
#endif

namespace {

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float type __attribute__((vector_size(TRIPLANE_VECTOR_BYTES)));
  typedef float unaligned __attribute__((vector_size(TRIPLANE_VECTOR_BYTES), aligned(4), may_alias));
  typedef int32_t integer __attribute__((vector_size(TRIPLANE_VECTOR_BYTES)));
};
template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(TRIPLANE_VECTOR_BYTES)));
  typedef double unaligned __attribute__((vector_size(TRIPLANE_VECTOR_BYTES), aligned(8), may_alias));
  typedef int64_t integer __attribute__((vector_size(TRIPLANE_VECTOR_BYTES)));
};
template <class T>
using Vector = typename VectorOf<T>::type;

template <class T>
constexpr int LANES = TRIPLANE_VECTOR_BYTES / sizeof(T);

template <class T>
inline Vector<T> load(const T* p) {
  return *reinterpret_cast<const typename VectorOf<T>::unaligned*>(p);
}
template <class T>
inline void store(T* p, Vector<T> v) {
  *reinterpret_cast<typename VectorOf<T>::unaligned*>(p) = v;
}
template <class T>
inline Vector<T> splat(T x) {
  return x - Vector<T>{};
}
template <class T>
inline T sum(Vector<T> v) {
  T part[LANES<T>];
  store(part, v);
  for (int half = LANES<T> / 2; half; half /= 2)
    for (int i = 0; i < half; ++i) part[i] += part[i + half];
  return part[0];
}
template <int N>
struct Number {  // std::integral_constant, which would be a standard library template in this file
  static constexpr int value = N;
};
inline int round_up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

// ---- float: polynomials, minimax by Remez's exchange; comparisons are written so that nan stays nan ----

// x = n ln 2 + r, |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to an integer, left in the low bits of `bits`.
struct Reduced {
  Vector<float> r;
  VectorOf<float>::integer bits;
};
inline Reduced reduce(Vector<float> x) {
  const float magic = 12582912.0f;
  const Vector<float> shifted = x * 1.44269504089f + magic;
  const Vector<float> n = shifted - magic;
  return {x - n * 0.69314718056f, (VectorOf<float>::integer)shifted};
}
// 2^n: `bits` keeps n in its low bits, the shift drops the rest.
inline Vector<float> power_of_two(VectorOf<float>::integer bits) {
  return (Vector<float>)((bits << 23) + 0x3f800000);
}

// e^x, relative error 1.3e-7; x is taken as -87 below that and must be <= 88.
inline Vector<float> exp_v(Vector<float> x) {
  x = x < -87.0f ? splat(-87.0f) : x;
  const Reduced a = reduce(x);
  const Vector<float> r = a.r;
  Vector<float> p = r * 0.008297587566f + 0.0419158767f;
  p = p * r + 0.1666757831f;
  p = p * r + 0.4999889047f;
  p = p * r + 0.9999996902f;
  p = p * r + 1.0f;
  return p * power_of_two(a.bits);
}
// e^x - 1 for -87 <= x <= 0, exact to rounding also near 0.
inline Vector<float> expm1_v(Vector<float> x) {
  x = x < -87.0f ? splat(-87.0f) : x;
  const Reduced a = reduce(x);
  const Vector<float> r = a.r;
  Vector<float> p = r * 0.001394869869f + 0.008369222411f;
  p = p * r + 0.04166623902f;
  p = p * r + 0.1666650459f;
  p = p * r + 0.5000000081f;
  p = p * r + 1.0f;
  const Vector<float> power = power_of_two(a.bits);
  return p * r * power + (power - 1.0f);
}
// log(1 + e) / e for 0 <= e <= 1, relative error 3e-8.
inline Vector<float> log1p_over(Vector<float> e) {
  Vector<float> p = e * 0.005232607331f - 0.02950483415f;
  p = p * e + 0.07822518728f;
  p = p * e - 0.1366317041f;
  p = p * e + 0.1910596538f;
  p = p * e - 0.2484296977f;
  p = p * e + 0.3331909496f;
  p = p * e - 0.4999949304f;
  return p * e + 1.0f;
}
inline Vector<float> negative_magnitude(Vector<float> x) {
  return (Vector<float>)((VectorOf<float>::integer)x | (int32_t)0x80000000);
}
// log(1 + e^x) and its derivative.
inline Vector<float> softplus(Vector<float> x) {
  const Vector<float> e = exp_v(negative_magnitude(x));
  return (x < 0.0f ? Vector<float>{} : x) + e * log1p_over(e);
}
inline Vector<float> softplus(Vector<float> x, Vector<float>& slope) {
  const Vector<float> e = exp_v(negative_magnitude(x));
  slope = (x < 0.0f ? e : splat(1.0f)) / (1.0f + e);
  return (x < 0.0f ? Vector<float>{} : x) + e * log1p_over(e);
}
inline Vector<float> sigmoid(Vector<float> x) {
  const Vector<float> e = exp_v(negative_magnitude(x));
  return (x < 0.0f ? e : splat(1.0f)) / (1.0f + e);
}

// ---- double: the C library, lane by lane; it serves gradient checks, not speed ----

template <double (*F)(double)>
inline Vector<double> by_lane(Vector<double> x) {
  Vector<double> y;
  for (int i = 0; i < LANES<double>; ++i) y[i] = F(x[i]);
  return y;
}
inline Vector<double> expm1_v(Vector<double> x) { return by_lane<expm1>(x); }
inline double softplus_scalar(double x) { return (x < 0 ? 0 : x) + log1p(exp(-fabs(x))); }
inline double sigmoid_scalar(double x) {
  const double e = exp(-fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}
inline Vector<double> softplus(Vector<double> x) { return by_lane<softplus_scalar>(x); }
inline Vector<double> sigmoid(Vector<double> x) { return by_lane<sigmoid_scalar>(x); }
inline Vector<double> softplus(Vector<double> x, Vector<double>& slope) {
  slope = sigmoid(x);
  return softplus(x);
}

}  // namespace
