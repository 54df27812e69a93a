// What is written of the nearest triangles: depth, shares of the corners, interpolated values. Included once per
// instruction set, see lanes.h.

// The triangles that four neighbouring pixels of a row show, and the shares of their corners there, which sum to 1.
struct FourPixels {
  const int64_t* face[4];
  Longs shown;
  bool one;  // the same in all four, as within large triangles
  Doubles share[3];

  // Pixels that show nothing take the first triangle, so that there is something to compute with.
  FourPixels(const RasterParams& p, const Corner* corners, const int32_t index[4], int row, int column) {
    shown = Longs{index[0], index[1], index[2], index[3]} >= 0;
    for (int i = 0; i < 4; ++i) face[i] = p.faces + 3 * int64_t(index[i] < 0 ? 0 : index[i]);
    one = face[0] == face[1] && face[0] == face[2] && face[0] == face[3];
    FourCorners corner[3];
    for (int k = 0; k < 3; ++k) corner[k] = one ? FourCorners(corners[face[0][k]]) : FourCorners(corners, face, k);
    const double y = row + 0.5;
    const Doubles x = column + 0.5 + Doubles{0, 1, 2, 3};
    for (int k = 0; k < 3; ++k) {
      const FourCorners &from = corner[(k + 1) % 3], &to = corner[(k + 2) % 3];
      const Doubles rise = to.y - from.y, across = (to.x - from.x) * (y - from.y);
      share[k] = (across + rise * from.x) * corner[k].inverse - rise * corner[k].inverse * x;
    }
    const Doubles scale = 1.0 / (share[0] + share[1] + share[2]);
    for (int k = 0; k < 3; ++k) share[k] *= scale;
  }

  // `to`: (count, 3) shares, 0 where nothing is shown.
  void write_shares(int count, float* to) const {
    FourFloats part[3];
    for (int k = 0; k < 3; ++k) part[k] = to_floats(shown ? share[k] : Doubles{});
    const FourFloats mixed[3] = {
        __builtin_shuffle(__builtin_shuffle(part[0], part[1], FourInts{0, 4, 1, 1}), part[2], FourInts{0, 1, 4, 2}),
        __builtin_shuffle(__builtin_shuffle(part[1], part[2], FourInts{1, 5, 2, 2}), part[0], FourInts{0, 1, 6, 2}),
        __builtin_shuffle(__builtin_shuffle(part[0], part[1], FourInts{3, 7, 3, 7}), part[2], FourInts{6, 0, 1, 7})};
    __builtin_memcpy(to, mixed, 3 * sizeof(float) * count);
  }

  // One channel of the vertices' values, interpolated.
  FourFloats value(const RasterParams& p, int64_t channel) const {
    Doubles sum{};
    for (int k = 0; k < 3; ++k) {
      auto at = [&](int i) { return p.attributes[face[i][k] * p.channels + channel]; };
      const FourFloats here = one ? FourFloats{} + at(0) : FourFloats{at(0), at(1), at(2), at(3)};
      sum += share[k] * __builtin_convertvector(here, Doubles);
    }
    return __builtin_convertvector(shown, FourInts) ? to_floats(sum) : FourFloats{} + p.background;
  }
};

inline void fill(float* to, int64_t count, float value) {
  for (int64_t i = 0; i < count; ++i) to[i] = value;
}

// Pixels [column, column + count) of a row, of which `index` shows the triangles.
inline void write_four(const RasterParams& p, int64_t frame, const Corner* corners, const int32_t index[4], int row,
                       int column, int count) {
  const int64_t plane = p.height * p.width, pixel = int64_t(row) * p.width + column;
  float* shares = p.barycentric ? p.barycentric + 3 * (frame * plane + pixel) : nullptr;
  float* picture = p.picture ? p.picture + frame * p.channels * plane + pixel : nullptr;
  if ((index[0] & index[1] & index[2] & index[3]) == -1) {
    if (shares) fill(shares, 3 * count, 0.0f);
    for (int64_t c = 0; picture && c < p.channels; ++c) fill(picture + c * plane, count, p.background);
    return;
  }
  const FourPixels four(p, corners, index, row, column);
  if (shares) four.write_shares(count, shares);
  for (int64_t c = 0; picture && c < p.channels; ++c) {
    const FourFloats value = four.value(p, c);
    __builtin_memcpy(picture + c * plane, &value, sizeof(float) * count);
  }
}

inline void write_band(const RasterParams& p, int64_t frame, const Band& band) {
  const int width = band.width;
  if (p.depth) {
    float* depth = p.depth + (frame * p.height + band.top) * width;
    const int64_t count = int64_t(band.bottom - band.top) * width;
    for (int64_t i = 0; i < count; ++i) depth[i] = 1.0f / band.nearest[i];  // 1 / 0 is infinity, as promised
  }
  if (!p.barycentric && !p.picture) return;
  for (int row = band.top; row < band.bottom; ++row) {
    const int32_t* index = band.index + int64_t(row - band.top) * width;
    int column = 0;
    for (; column + 4 <= width; column += 4) write_four(p, frame, band.corners, index + column, row, column, 4);
    if (column == width) continue;
    int32_t rest[4] = {-1, -1, -1, -1};
    for (int c = 0; column + c < width; ++c) rest[c] = index[column + c];
    write_four(p, frame, band.corners, rest, row, column, width - column);
  }
}
