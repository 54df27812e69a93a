// The vertices of a frame as the z-buffer reads them. Included once per instruction set, see lanes.h.

// 16 bytes, so that one load brings all of a corner.
struct Corner {
  float x, y;
  double inverse;  // 1 / depth; nan for a vertex that is not finite or not in front: what it is part of is never drawn
};

inline void read_corners(const RasterParams& p, int64_t frame, Corner* to) {
  const int64_t count = p.vertex_count;
  const float* from = p.vertices + frame * count * 3;
  auto put = [&](int64_t i, double inverse) {
    const float x = from[3 * i], y = from[3 * i + 1], z = from[3 * i + 2];
    // Infinity minus itself is nan.
    const bool good = (x - x == 0) & (y - y == 0) & (z - z == 0) & (z > 0);
    to[i] = good ? Corner{x, y, inverse} : Corner{0.0f, 0.0f, __builtin_nan("")};
  };
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const float* z = from + 3 * i + 2;
    const Doubles inverse = 1.0 / Doubles{z[0], z[3], z[6], z[9]};
    for (int k = 0; k < 4; ++k) put(i + k, inverse[k]);
  }
  for (; i < count; ++i) put(i, 1.0 / double(from[3 * i + 2]));
}

// One corner of four triangles or pixels.
struct FourCorners {
  Doubles x, y, inverse;

  FourCorners() = default;
  explicit FourCorners(const Corner& one)
      : x(Doubles{} + double(one.x)), y(Doubles{} + double(one.y)), inverse(Doubles{} + one.inverse) {}
  FourCorners(const Corner* all, const int64_t* const face[4], int k) {
    const Doubles ac = two_pairs(all + face[0][k], all + face[2][k]);
    const Doubles bd = two_pairs(all + face[1][k], all + face[3][k]);
    const Floats places = (Floats)__builtin_shuffle(ac, bd, Longs{0, 4, 2, 6});
    const Floats sorted = __builtin_shuffle(places, Ints{0, 2, 4, 6, 1, 3, 5, 7});
    x = half(sorted, 0), y = half(sorted, 1);
    inverse = __builtin_shuffle(ac, bd, Longs{1, 5, 3, 7});
  }
};
