// Planes with their channels last, and the decoder packed.
#pragma once
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "block.h"
#include "crew.h"
#include "reach.h"
#include "render.h"

namespace triplane_render {

// How planes lie in the kernels' memory: channels last and padded to whole vectors.
struct PlaneShape {
  int channels, padded, width, height;
  int64_t rows;  // of all three planes, and of their slices
  int row_stride;
  int turn = 0;  // see scene.h

  // Without a gap, as the caller's planes of `padded` channels lie with their channels last.
  template <class T>
  static PlaneShape dense(const Request<T>& q, int padded) {
    return {q.channels, padded, q.width, q.height, int64_t(3) * (q.depth ? q.depth : 1) * q.height, q.width * padded};
  }
  // Rows an odd number of cache lines apart: rays that cross rows would otherwise find all of them in the same few sets
  // of the cache.
  template <class T>
  static PlaneShape spaced(const Request<T>& q, int padded) {
    constexpr int LINE = 64 / sizeof(T);
    PlaneShape shape = dense(q, padded);
    shape.row_stride = ((shape.row_stride + LINE - 1) / LINE | 1) * LINE;
    return shape;
  }
  // As dense, to the same end as spaced, in no more memory: each row begins a texel later than the one above.
  template <class T>
  static PlaneShape turned(const Request<T>& q, int padded) {
    PlaneShape shape = dense(q, padded);
    for (shape.turn = 1; shape.turn <= q.width / 2; shape.turn *= 2) {
    }
    --shape.turn;
    return shape;
  }
  int64_t size() const { return rows * row_stride; }
  int64_t rows_per_plane() const { return rows / 3; }
};

// Four by four elements: to[j][i] = from[i][j].
template <class T>
inline void turn_tile(const T* from, int64_t from_stride, T* to, int64_t to_stride) {
  typedef T Four __attribute__((vector_size(4 * sizeof(T))));
  typedef std::conditional_t<sizeof(T) == 4, int32_t, int64_t> Place;
  typedef Place Places __attribute__((vector_size(4 * sizeof(T))));
  Four row[4];
  for (int i = 0; i < 4; ++i) std::memcpy(&row[i], from + i * from_stride, sizeof(Four));
  for (int half = 0; half < 2; ++half) {
    const Places pick = Places{0, 4, 1, 5} + Place(2 * half);
    const Four upper = __builtin_shuffle(row[0], row[1], pick), lower = __builtin_shuffle(row[2], row[3], pick);
    const Four first = __builtin_shuffle(upper, lower, Places{0, 1, 4, 5});
    const Four second = __builtin_shuffle(upper, lower, Places{2, 3, 6, 7});
    std::memcpy(to + 2 * half * to_stride, &first, sizeof(Four));
    std::memcpy(to + (2 * half + 1) * to_stride, &second, sizeof(Four));
  }
}

// Goes through `channels` x `texels` elements so that a few cache lines of each channel are read or written at a time:
// calls tile(channel, texel) for four by four of them, and one(channel, texel) for what is left over.
template <class Tile, class One>
inline void each_tile(int channels, int texels, const Tile& tile, const One& one) {
  constexpr int SPAN = 64;
  for (int begin = 0; begin < texels; begin += SPAN) {
    const int end = std::min(begin + SPAN, texels), even = begin + (end - begin) / 4 * 4;
    for (int c = 0; c < channels; c += 4) {
      const bool whole = c + 4 <= channels;
      for (int x = begin; whole && x < even; x += 4) tile(c, x);
      for (int k = c; k < std::min(c + 4, channels); ++k)
        for (int x = whole ? even : begin; x < end; ++x) one(k, x);
    }
  }
}

// One row of texels: where it lies in the kernels' memory, where in the caller's for channel 0, and what of it counts.
struct Row {
  int64_t own, given, channel_stride;
  int width, shift;
  Span reached;

  Row(const PlaneShape& shape, bool channels_last, const Reach& reach, int64_t row)
      : own(row * shape.row_stride), width(shape.width) {
    const int64_t plane_rows = shape.rows_per_plane(), texels = plane_rows * shape.width;
    const int64_t in_plane = row % plane_rows, plane = row / plane_rows, texel = in_plane * shape.width;
    given = plane * texels * shape.channels + (channels_last ? texel * shape.channels : texel);
    channel_stride = channels_last ? 1 : texels;
    const int64_t y = in_plane % shape.height, slice = in_plane / shape.height;
    shift = int(y & shape.turn);
    reached = reach.rows[plane].holds(y) && reach.slices[plane].holds(slice) ? reach.columns[plane] : Span{0, 0};
  }

  // Calls run(first, count, own) for the texels that count, in runs that lie together in the kernels' memory.
  template <class Run>
  void each_run(const Run& run) const {
    const int fold = width - shift, before = std::min(reached.end, fold), after = std::max(reached.begin, fold);
    if (before > reached.begin) run(reached.begin, before - reached.begin, reached.begin + shift);
    if (after < reached.end) run(after, reached.end - after, after - fold);
  }
};

// Copies what is in reach.
template <class T>
void take_planes(Crew& crew, const PlaneShape& shape, bool channels_last, const Reach& reach, const T* from, T* own) {
  crew.run(shape.rows, [&](int64_t index, int) {
    const Row row(shape, channels_last, reach, index);
    const int first = row.reached.begin, texels = row.reached.end - first, padded = shape.padded;
    T* to = own + row.own + first * padded;
    if (padded > shape.channels) std::fill_n(to, texels * padded, T(0));
    if (channels_last) {
      const T* at = from + row.given + first * shape.channels;
      for (int x = 0; x < texels; ++x) std::copy_n(at + x * shape.channels, shape.channels, to + x * padded);
      return;
    }
    const T* at = from + row.given + first;
    const int64_t stride = row.channel_stride;
    each_tile(
        shape.channels, texels,
        [=](int c, int x) { turn_tile(at + c * stride + x, stride, to + x * padded + c, padded); },
        [=](int c, int x) { to[x * padded + c] = at[c * stride + x]; });
  });
}

// Gives what is in reach, and zeros elsewhere.
template <class T>
void give_planes(Crew& crew, const PlaneShape& shape, bool channels_last, const Reach& reach, const T* own, T* given) {
  crew.run(shape.rows, [&](int64_t index, int) {
    const Row row(shape, channels_last, reach, index);
    const int channels = shape.channels, padded = shape.padded;
    const int parts = channels_last ? 1 : channels, step = channels_last ? channels : 1;
    T* const start = given + row.given;
    for (int c = 0; c < parts; ++c) {
      T* const part = start + c * row.channel_stride;
      std::fill_n(part, row.reached.begin * step, T(0));
      std::fill(part + row.reached.end * step, part + shape.width * step, T(0));
    }
    row.each_run([&](int first, int count, int place) {
      const T* at = own + row.own + place * padded;
      T* to = start + first * step;
      if (channels_last) {
        for (int x = 0; x < count; ++x) std::copy_n(at + x * padded, channels, to + x * channels);
        return;
      }
      const int64_t stride = row.channel_stride;
      each_tile(
          channels, count, [=](int c, int x) { turn_tile(at + x * padded + c, padded, to + c * stride + x, stride); },
          [=](int c, int x) { to[c * stride + x] = at[x * padded + c]; });
    });
  });
}

// Calls work(first, count) for the elements that are in reach, in runs that lie together.
template <class Work>
void each_reached(Crew& crew, const PlaneShape& shape, const Reach& reach, const Work& work) {
  crew.run(shape.rows, [&](int64_t index, int) {
    const Row row(shape, true, reach, index);
    row.each_run([&](int, int count, int place) { work(row.own + place * shape.padded, count * shape.padded); });
  });
}

// Lays turned rows straight, where they are.
template <class T>
void straighten(Crew& crew, const PlaneShape& shape, const Reach& reach, T* planes) {
  const Block<T> spare(size_t(crew.size()) * shape.row_stride);
  crew.run(shape.rows, [&](int64_t index, int thread) {
    const Row row(shape, true, reach, index);
    if (!row.shift || row.reached.begin == row.reached.end) return;
    T *const at = planes + row.own, *const copy = spare.get() + size_t(thread) * shape.row_stride;
    std::copy_n(at, shape.row_stride, copy);
    std::rotate_copy(copy, copy + row.shift * shape.padded, copy + shape.row_stride, at);
  });
}

// The nearest bfloat16, ties to even; nan stays nan.
inline uint32_t bfloat16_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return value != value ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

// The decoder's weights as the kernels want them; owns the memory.
template <class T>
struct PackedDecoder {
  Decoder<T> view;
  Block<T> memory;
  Block<uint32_t> pairs;

  PackedDecoder(const Request<T>& q, int lanes, bool in_pairs) {
    const auto up = [lanes](int n) { return (n + lanes - 1) / lanes * lanes; };
    Decoder<T>& d = view;
    d.channels = q.channels, d.channels_padded = up(q.channels);
    d.hidden = q.hidden, d.hidden_padded = up(q.hidden);
    d.features = q.features, d.features_padded = up(q.features);
    d.feature_activation = q.feature_activation;
    const size_t hp = d.hidden_padded, cp = d.channels_padded, fp = d.features_padded;
    const size_t sizes[] = {d.channels * hp, hp, d.hidden * fp, fp, hp, d.hidden * cp, (d.features + 1) * hp};
    size_t all = 0;
    for (size_t size : sizes) all += (size + 15) / 16 * 16;
    memory = Block<T>(all);
    T* at = memory.get();
    for (size_t i = 0; i < all; ++i) at[i] = 0;
    T* part[7];
    for (int i = 0; i < 7; ++i) part[i] = at, at += (sizes[i] + 15) / 16 * 16;
    for (int h = 0; h < d.hidden; ++h) {
      part[1][h] = q.b1[h];
      part[4][h] = q.w2[h];
      part[6][d.features * hp + h] = q.w2[h];
      for (int c = 0; c < d.channels; ++c) {
        part[0][c * hp + h] = q.w1[h * d.channels + c];
        part[5][h * cp + c] = q.w1[h * d.channels + c];
      }
      for (int f = 0; f < d.features; ++f) {
        part[2][h * fp + f] = q.w2[(f + 1) * d.hidden + h];
        part[6][f * hp + h] = q.w2[(f + 1) * d.hidden + h];
      }
    }
    for (int f = 0; f < d.features; ++f) part[3][f] = q.b2[f + 1];
    d.w1 = part[0], d.b1 = part[1], d.w2 = part[2], d.b2 = part[3];
    d.w2_density = part[4], d.w1_rows = part[5], d.w2_rows = part[6];
    d.b2_density = q.b2[0];
    d.w1_pairs = d.w2_pairs = nullptr;
    if (in_pairs) pack_pairs();
  }

 private:
  void pack_pairs() {
    const int hp = view.hidden_padded, fp = view.features_padded;
    const size_t first = size_t(view.channels_padded) / 2 * hp;
    pairs = Block<uint32_t>(first + size_t(hp) / 2 * fp);
    to_pairs(view.w1, view.channels, view.channels_padded, hp, pairs.get());
    to_pairs(view.w2, view.hidden, hp, fp, pairs.get() + first);
    view.w1_pairs = pairs.get(), view.w2_pairs = pairs.get() + first;
  }
  // `rows` are there, zeros follow up to `padded`, an even number.
  static void to_pairs(const T* from, int rows, int padded, int columns, uint32_t* to) {
    const auto at = [=](int row, int column) {
      return row < rows ? bfloat16_of(float(from[size_t(row) * columns + column])) : 0u;
    };
    for (int row = 0; row < padded; row += 2)
      for (int column = 0; column < columns; ++column) *to++ = at(row, column) | at(row + 1, column) << 16;
  }
};

}  // namespace triplane_render
