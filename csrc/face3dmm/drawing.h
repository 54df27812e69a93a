// What is nearest in each pixel of a band of rows. Included once per instruction set, see lanes.h.

// Triangles come in rising order, so that the lower one keeps a pixel where two are equally near.
struct Band {
  const Corner* corners;
  const int64_t* faces;
  int width, top, bottom;
  float* nearest;  // inverse depth, 0 where there is nothing
  int32_t* index;

  void draw(int64_t face_count) const {
    int64_t first = 0;
    for (; first + EIGHT <= face_count; first += EIGHT)
      draw_eight(Eight(corners, faces + 3 * first, width, top, bottom), int32_t(first), 0xff);
    if (first == face_count) return;
    int64_t rest[3 * EIGHT];  // lanes without a triangle of their own hold the first again
    unsigned real = 0;
    for (int l = 0; l < EIGHT; ++l) {
      const bool own = first + l < face_count;
      for (int k = 0; k < 3; ++k) rest[3 * l + k] = faces[3 * (own ? first + l : first) + k];
      real |= unsigned(own) << in_pairs(l);
    }
    draw_eight(Eight(corners, rest, width, top, bottom), int32_t(first), real);
  }

 private:
  // Boxes no larger than this are drawn eight triangles at once.
  static constexpr int SMALL = 32, LONG = 8;

  struct Column {
    Doubles across[2][3], along[2];
    uint64_t beyond;
  };

  // Most triangles of a dense mesh see a few pixels each, and guesses about their edges would mostly be wrong: every
  // pixel of the boxes is looked at, without branches, and those that are inside are listed.
  void draw_eight(const Eight& eight, int32_t first, unsigned real) const {
    const int rows = eight.rows, columns = eight.columns;
    if (rows <= 0 || columns <= 0) return;
    const Four four[2] = {Four(eight, 0), Four(eight, 1)};
    const unsigned drawn = real & ~bits_in_pairs(four[0].flat, four[1].flat);
    if (rows > LONG || columns > LONG || rows * columns > SMALL) {
      for (int l = 0; l < EIGHT; ++l)
        if (drawn >> in_pairs(l) & 1) draw_wide(eight, four[l / 4], l, first + l);
      return;
    }
    Column line[LONG];
    Ints right = eight.last_column;
#pragma GCC unroll 1
    for (int c = 0; c < columns; ++c, right -= 1) line[c].beyond = negative(right);
    for (int h = 0; h < 2; ++h) {
      Doubles x = half(eight.left, h) + 0.5;
#pragma GCC unroll 1
      for (int c = 0; c < columns; ++c, x += 1.0) {
        for (int k = 0; k < 3; ++k) line[c].across[h][k] = four[h].rise[k] * (x - four[h].from_x[k]);
        line[c].along[h] = four[h].slope * x;
      }
    }
    // Of each pixel of the boxes and each lane: inverse depth and place; and which of them are inside.
    alignas(32) float inverse[SMALL * EIGHT];
    alignas(32) int32_t place[SMALL * EIGHT];
    uint8_t inside[SMALL * EIGHT + EIGHT];
    uint8_t* end = inside;
    uint64_t number = 0;
    float* to = inverse;
    Ints pixel = (eight.upper - top) * width + eight.left, below = eight.last_row;
    Doubles y[2] = {half(eight.upper, 0) + 0.5, half(eight.upper, 1) + 0.5};
    const Column* const stop = line + columns;
#pragma GCC unroll 1
    for (int row = 0; row < rows; ++row) {
      const uint64_t here = drawn & ~negative(below);
      Doubles limit[2][3], start[2];
      for (int h = 0; h < 2; ++h) {
        Doubles part[3];
        for (int k = 0; k < 3; ++k) {
          limit[h][k] = four[h].run[k] * (y[h] - four[h].from_y[k]);
          part[k] = (limit[h][k] + four[h].offset[k]) * four[h].weight[k];
        }
        start[h] = part[0] + part[1] + part[2];
        y[h] += 1.0;
      }
      Ints at = pixel;
#pragma GCC unroll 1
      for (const Column* column = line; column != stop; ++column) {
        Longs in[2];
        for (int h = 0; h < 2; ++h) {
          in[h] = (limit[h][0] >= column->across[h][0]) & (limit[h][1] >= column->across[h][1]) &
                  (limit[h][2] >= column->across[h][2]);
          const FourFloats four_inverse = to_floats(start[h] - column->along[h]);
          __builtin_memcpy(to + 4 * h, &four_inverse, sizeof(four_inverse));
        }
        __builtin_memcpy(place + (to - inverse), &at, sizeof(at));
        const uint64_t seen = here & ~column->beyond & bits_in_pairs(in[0], in[1]);
        const uint64_t entries = LANES.of[seen] + number;
        __builtin_memcpy(end, &entries, sizeof(entries));
        end += __builtin_popcountll(seen);
        number += 0x0808080808080808;
        to += EIGHT;
        at += 1;
      }
      pixel += width;
      below -= 1;
    }
    float* const nearest = this->nearest;
    int32_t* const index = this->index;
#pragma GCC unroll 1
    for (const uint8_t* i = inside; i != end; ++i) {
      const uint64_t entry = *i;
      const int64_t at = place[entry];
      if (inverse[entry] > nearest[at]) {
        nearest[at] = inverse[entry];
        index[at] = first + int32_t(entry & 7);
      } else if (__builtin_expect(inverse[entry] == nearest[at], 0)) {
        // Within the eight they are not in order.
        const int32_t other = first + int32_t(entry & 7);
        if (other < index[at]) index[at] = other;
      }
    }
  }

  // Lane l alone: its rows one by one, of each four columns at once.
  void draw_wide(const Eight& eight, const Four& four, int l, int32_t number) const {
    const int i = l % 4, paired = in_pairs(l), left = eight.left[l], upper = eight.upper[l];
    if (four.slope[i] != four.slope[i]) return;  // a corner that is not in front, whose box may be the whole picture
    const int right = left + eight.last_column[paired], lower = upper + eight.last_row[paired];
    const int64_t pixels = int64_t(bottom - top) * width;
    for (int row = upper; row <= lower; ++row) {
      Doubles limit[3];
      double start = 0;
      for (int k = 0; k < 3; ++k) {
        const double at_row = four.run[k][i] * (row + 0.5 - four.from_y[k][i]);
        const double part = (at_row + four.offset[k][i]) * four.weight[k][i];
        start = k ? start + part : part;
        limit[k] = Doubles{} + at_row;
      }
      int64_t at = int64_t(row - top) * width + left;
      for (int column = left; column <= right; column += 4, at += 4) {
        const Doubles x = column + 0.5 + Doubles{0, 1, 2, 3};
        Longs in = Longs{0, 1, 2, 3} <= int64_t(right - column);
        for (int k = 0; k < 3; ++k) in &= limit[k] >= four.rise[k][i] * (x - four.from_x[k][i]);
        const FourFloats inverse = to_floats(start - four.slope[i] * x);
        const FourInts seen = __builtin_convertvector(in, FourInts);
        if (at + 4 <= pixels) {
          const FourFloats old = read_as<FourFloats>(nearest + at);
          const FourInts nearer = seen & (inverse > old);
          const FourFloats now = nearer ? inverse : old;
          const FourInts which = nearer ? FourInts{} + number : read_as<FourInts>(index + at);
          __builtin_memcpy(nearest + at, &now, sizeof(now));
          __builtin_memcpy(index + at, &which, sizeof(which));
          continue;
        }
        for (int c = 0; c < 4 && column + c <= right; ++c)
          if (seen[c] && inverse[c] > nearest[at + c]) nearest[at + c] = inverse[c], index[at + c] = number;
      }
    }
  }
};
