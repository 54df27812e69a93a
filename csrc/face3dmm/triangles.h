// Eight triangles in the picture, one per lane. Included once per instruction set, see lanes.h.
//
// The arithmetic is written out exactly as in raster_reference.py (double edges, inverse depth linear along a row), so
// that both decide alike for every pixel; it is compiled without contraction into fused multiply-adds for that reason.

constexpr int EIGHT = 8;

// Where the pixel centres between the corners lie: the box of lane l has its first at (left, upper), and goes on for
// `last_column` columns and `last_row` rows; below 0 it has none.
struct Eight {
  Floats x[3], y[3];
  Doubles inverse[3][2];
  Ints left, upper;
  Ints last_column, last_row;  // in pairs
  int columns, rows;           // of the largest box

  // `faces`: the corners' numbers. Rows [top, bottom) and all columns are in sight.
  Eight(const Corner* corners, const int64_t* faces, int width, int top, int bottom) {
    Floats px[3], py[3];  // in pairs
    for (int k = 0; k < 3; ++k) {
      auto at = [&](int i) { return corners + faces[3 * i + k]; };
      Doubles places[2];
      for (int h = 0; h < 2; ++h) {
        const Doubles ac = two_pairs(at(4 * h), at(4 * h + 2)), bd = two_pairs(at(4 * h + 1), at(4 * h + 3));
        places[h] = __builtin_shuffle(ac, bd, Longs{0, 4, 2, 6});
        inverse[k][h] = __builtin_shuffle(ac, bd, Longs{1, 5, 3, 7});
      }
      px[k] = __builtin_shuffle((Floats)places[0], (Floats)places[1], Ints{0, 2, 8, 10, 4, 6, 12, 14});
      py[k] = __builtin_shuffle((Floats)places[0], (Floats)places[1], Ints{1, 3, 9, 11, 5, 7, 13, 15});
      x[k] = in_order(px[k]), y[k] = in_order(py[k]);
    }
    const Ints first_column = up(smaller(smaller(px[0], px[1]), px[2]), 0, width);
    const Ints first_row = up(smaller(smaller(py[0], py[1]), py[2]), top, bottom);
    last_column = down(larger(larger(px[0], px[1]), px[2]), 0, width) - first_column;
    last_row = down(larger(larger(py[0], py[1]), py[2]), top, bottom) - first_row;
    left = in_order(first_column), upper = in_order(first_row);
    columns = largest(last_column) + 1, rows = largest(last_row) + 1;
  }

 private:
  // The first pixel centre at or after `value`, and the last at or before it, within limits: a far-away vertex must not
  // overflow. Subtracting a half is exact in float but where the result is below 0, which is out of sight anyway.
  static Ints up(Floats value, int least, int end) {
    return rounded_up(smaller(larger(value - 0.5f, Floats{} + float(least)), Floats{} + float(end)));
  }
  static Ints down(Floats value, int least, int end) {
    return rounded_down(smaller(larger(value - 0.5f, Floats{} + float(least - 1)), Floats{} + float(end - 1)));
  }
};

// Four of the eight. Edge k runs between the other two corners; a pixel centre is on its inner side where
// run[k] * (y - from_y[k]) >= rise[k] * (x - from_x[k]). Along a row, 1 / depth is start(y) - slope * x.
struct Four {
  Doubles run[3], rise[3], from_x[3], from_y[3], offset[3], weight[3], slope;
  Longs flat;

  Four(const Eight& eight, int h) {
    Doubles x[3], y[3];
    for (int k = 0; k < 3; ++k) x[k] = half(eight.x[k], h), y[k] = half(eight.y[k], h);
    const Doubles area = (x[1] - x[0]) * (y[2] - y[0]) - (y[1] - y[0]) * (x[2] - x[0]);
    flat = area == 0;
    // Turned so that the area is positive: changing signs changes no rounding.
    const Longs sign = (Longs)area & INT64_MIN;
    const Doubles inverse_area = (Doubles)((Longs)(1.0 / area) ^ sign);
    for (int k = 0; k < 3; ++k) {
      const int from = (k + 1) % 3, to = (k + 2) % 3;
      run[k] = (Doubles)((Longs)(x[to] - x[from]) ^ sign), rise[k] = (Doubles)((Longs)(y[to] - y[from]) ^ sign);
      from_x[k] = x[from], from_y[k] = y[from];
      weight[k] = inverse_area * eight.inverse[k][h];
      offset[k] = rise[k] * x[from];
    }
    slope = rise[0] * weight[0] + rise[1] * weight[1] + rise[2] * weight[2];
  }
};
