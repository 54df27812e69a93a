// Eight lanes, and their halves in double: what the z-buffer needs of an instruction set.
//
// No include guard: raster.cpp includes this once per instruction set, each time in a namespace of its own. What is
// written here may therefore call nothing that is shared between them (a template of the standard library would be).

using Doubles = double __attribute__((vector_size(32), aligned(32)));
using Longs = int64_t __attribute__((vector_size(32)));
using Floats = float __attribute__((vector_size(32)));
using Ints = int32_t __attribute__((vector_size(32)));
using FourFloats = float __attribute__((vector_size(16)));
using FourInts = int32_t __attribute__((vector_size(16)));
using EightShorts = uint16_t __attribute__((vector_size(16)));

// Lane l of a vector is triangle or pixel l, but for vectors "in pairs", whose lanes are 0 1 4 5 2 3 6 7: that is how
// eight numbers come out of two vectors of four pairs without crossing the middle of a register.
inline int in_pairs(int lane) { return (lane & 6) == 2 || (lane & 6) == 4 ? lane ^ 6 : lane; }
inline Floats in_order(Floats pairs) { return __builtin_shuffle(pairs, Ints{0, 1, 4, 5, 2, 3, 6, 7}); }
inline Ints in_order(Ints pairs) { return __builtin_shuffle(pairs, Ints{0, 1, 4, 5, 2, 3, 6, 7}); }

template <typename To, typename From>
inline To read_as(const From* from) {
  To to;
  __builtin_memcpy(&to, from, sizeof(to));
  return to;
}
inline Doubles half(const Floats& all, int which) {
  return __builtin_convertvector(read_as<FourFloats>(reinterpret_cast<const float*>(&all) + 4 * which), Doubles);
}
inline Doubles half(const Ints& all, int which) {
  return __builtin_convertvector(read_as<FourInts>(reinterpret_cast<const int32_t*>(&all) + 4 * which), Doubles);
}

#ifdef FACE3DMM_AVX2
inline Floats smaller(Floats a, Floats b) { return (Floats)_mm256_min_ps((__m256)a, (__m256)b); }
inline Floats larger(Floats a, Floats b) { return (Floats)_mm256_max_ps((__m256)a, (__m256)b); }
inline Ints rounded_up(Floats a) { return (Ints)_mm256_cvttps_epi32(_mm256_ceil_ps((__m256)a)); }
inline Ints rounded_down(Floats a) { return (Ints)_mm256_cvttps_epi32(_mm256_floor_ps((__m256)a)); }
// One bit per lane that is below 0.
inline unsigned negative(Ints a) { return unsigned(_mm256_movemask_ps((__m256)a)); }
// The bits of two masks in double, in pairs.
inline unsigned bits_in_pairs(Longs low, Longs high) {
  return unsigned(_mm256_movemask_ps(_mm256_shuffle_ps((__m256)low, (__m256)high, 0x88)));
}
inline Doubles two_pairs(const void* low, const void* high) {
  return _mm256_loadu2_m128d(static_cast<const double*>(high), static_cast<const double*>(low));
}
inline FourFloats to_floats(Doubles a) { return (FourFloats)_mm256_cvtpd_ps((__m256d)a); }
#else
inline Floats smaller(Floats a, Floats b) { return a < b ? a : b; }
inline Floats larger(Floats a, Floats b) { return a > b ? a : b; }
inline Ints rounded_up(Floats a) {
  const Ints whole = __builtin_convertvector(a, Ints);
  return whole - (a > __builtin_convertvector(whole, Floats));
}
inline Ints rounded_down(Floats a) {
  const Ints whole = __builtin_convertvector(a, Ints);
  return whole + (a < __builtin_convertvector(whole, Floats));
}
inline unsigned negative(Ints a) {
  const Ints bit = (a < 0) & Ints{1, 2, 4, 8, 16, 32, 64, 128};
  return unsigned(bit[0] | bit[1] | bit[2] | bit[3] | bit[4] | bit[5] | bit[6] | bit[7]);
}
inline unsigned bits_in_pairs(Longs low, Longs high) {
  const Longs bit = (low & Longs{1, 2, 16, 32}) | (high & Longs{4, 8, 64, 128});
  return unsigned(bit[0] | bit[1] | bit[2] | bit[3]);
}
inline Doubles two_pairs(const void* low, const void* high) {
  Doubles both;
  __builtin_memcpy(&both, low, 16);
  __builtin_memcpy(reinterpret_cast<char*>(&both) + 16, high, 16);
  return both;
}
inline FourFloats to_floats(Doubles a) { return __builtin_convertvector(a, FourFloats); }
#endif

inline int largest(Ints a) {
  a = a > __builtin_shuffle(a, Ints{4, 5, 6, 7, 0, 1, 2, 3}) ? a : __builtin_shuffle(a, Ints{4, 5, 6, 7, 0, 1, 2, 3});
  a = a > __builtin_shuffle(a, Ints{2, 3, 0, 1, 6, 7, 4, 5}) ? a : __builtin_shuffle(a, Ints{2, 3, 0, 1, 6, 7, 4, 5});
  return a[0] > a[1] ? a[0] : a[1];
}
