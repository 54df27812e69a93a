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
// Halves are added until one lane is left: in registers, and in one order.
template <class T, int BYTES>
struct Adder {
  typedef T Half __attribute__((vector_size(BYTES / 2)));
  template <class V>
  static T sum(V v) {
    Half halves[2];
    __builtin_memcpy(halves, &v, BYTES);
    return Adder<T, BYTES / 2>::sum(halves[0] + halves[1]);
  }
};
template <class T>
struct Adder<T, 2 * sizeof(T)> {
  template <class V>
  static T sum(V v) {
    return v[0] + v[1];
  }
};
template <class T>
inline T sum(Vector<T> v) {
  return Adder<T, TRIPLANE_VECTOR_BYTES>::sum(v);
}
template <int N>
struct Number {  // std::integral_constant, which would be a standard library template in this file
  static constexpr int value = N;
};
inline int round_up(int n, int multiple) { return (n + multiple - 1) / multiple * multiple; }

// ---- float: polynomials, minimax by Remez's exchange ----

using Floats = Vector<float>;
using Integers = VectorOf<float>::integer;

inline Floats magnitude(Floats x) { return (Floats)((Integers)x & 0x7fffffff); }

// e^-x for x >= 0, relative error 1.3e-7; x counts as 87 above that, and so does nan.
inline Floats exp_negative(Floats x) {
  const Integers limit = (Integers)splat(87.0f), bits = (Integers)x;
  x = (Floats)(bits < limit ? bits : limit);  // floats >= 0 are in the order of their bits
  // -x = n ln 2 + r, |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to an integer, left in the low bits.
  const Floats shifted = 12582912.0f - x * 1.44269504089f;
  const Floats r = -x - (shifted - 12582912.0f) * 0.69314718056f;
  Floats p = r * 0.008297587566f + 0.0419158767f;
  p = p * r + 0.1666757831f;
  p = p * r + 0.4999889047f;
  p = p * r + 0.9999996902f;
  p = p * r + 1.0f;
  return (Floats)((Integers)p + ((Integers)shifted << 23));  // times 2^n: n is added to the exponent
}
// 1 - e^-x for x >= 0, exact to rounding also near 0. nan is 1.
inline Floats one_minus_exp_negative(Floats x) {
  const Integers limit = (Integers)splat(87.0f), bits = (Integers)x;
  x = (Floats)(bits < limit ? bits : limit);
  const Floats shifted = 12582912.0f - x * 1.44269504089f;
  const Floats r = -x - (shifted - 12582912.0f) * 0.69314718056f;
  Floats p = r * 0.001394869869f + 0.008369222411f;
  p = p * r + 0.04166623902f;
  p = p * r + 0.1666650459f;
  p = p * r + 0.5000000081f;
  p = p * r + 1.0f;
  const Floats power = (Floats)(((Integers)shifted << 23) + 0x3f800000);
  return (1.0f - power) - p * r * power;
}
// log(1 + e) for 0 <= e <= 1, relative error 2e-7.
inline Floats log1p_unit(Floats e) {
  Floats p = e * -0.008539332245f + 0.04409004241f;
  p = p * e - 0.1076822453f;
  p = p * e + 0.1774527549f;
  p = p * e - 0.2449547397f;
  p = p * e + 0.3327548152f;
  p = p * e - 0.499974055f;
  p = p * e + 0.9999998057f;
  return p * e;
}
// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), and its derivative. nan stays nan.
inline Floats softplus(Floats x) {
  const Floats size = magnitude(x);
  return (x + size) * 0.5f + log1p_unit(exp_negative(size));
}
inline Floats softplus(Floats x, Floats& slope) {
  const Floats size = magnitude(x), e = exp_negative(size);
  slope = (x < 0.0f ? e : splat(1.0f)) / (1.0f + e);
  return (x + size) * 0.5f + log1p_unit(e);
}
inline Floats sigmoid(Floats x) {
  const Floats e = exp_negative(magnitude(x));
  const Floats s = (x < 0.0f ? e : splat(1.0f)) / (1.0f + e);
  return x == x ? s : x;
}

// ---- double: the C library, lane by lane; it serves gradient checks, not speed ----

template <double (*F)(double)>
inline Vector<double> by_lane(Vector<double> x) {
  Vector<double> y;
  for (int i = 0; i < LANES<double>; ++i) y[i] = F(x[i]);
  return y;
}
inline Vector<double> one_minus_exp_negative(Vector<double> x) { return -by_lane<expm1>(-x); }
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
