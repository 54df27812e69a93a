// Memory: aligned blocks, planes with their channels last, the decoder packed.
#pragma once
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "crew.h"
#include "render.h"

namespace triplane_render {

// Memory on a cache line, not initialised.
template <class T>
class Block {
 public:
  explicit Block(size_t count = 0) : data_(nullptr, std::free) {
    if (!count) return;
    void* memory = std::aligned_alloc(64, (count * sizeof(T) + 63) / 64 * 64);
    if (!memory) throw std::bad_alloc();
    data_.reset(static_cast<T*>(memory));
  }
  T* get() const { return data_.get(); }
  explicit operator bool() const { return bool(data_); }

 private:
  std::unique_ptr<T, void (*)(void*)> data_;
};

// How planes lie in the kernels' memory: channels last and padded to whole vectors, and rows an odd number of
// cache lines apart. Rays that cross rows would otherwise find all of them in the same few sets of the cache.
struct PlaneShape {
  int channels, padded, width;
  int64_t rows;  // of all three planes, and of their slices
  int row_stride;
  bool direct;  // the caller's planes lie as the kernels want them, but for the odd rows: no copy is made

  template <class T>
  static PlaneShape of(const Request<T>& q, int padded) {
    constexpr int LINE = 64 / sizeof(T);
    if (q.channels_last && padded == q.channels) {
      return {q.channels, padded, q.width, int64_t(3) * (q.depth ? q.depth : 1) * q.height, q.width * padded, true};
    }
    const int lines = (q.width * padded + LINE - 1) / LINE;
    return {q.channels, padded, q.width, int64_t(3) * (q.depth ? q.depth : 1) * q.height, (lines | 1) * LINE, false};
  }
  int64_t size() const { return rows * row_stride; }
  int64_t rows_per_plane() const { return rows / 3; }
};

// Calls copy(element of the kernels' memory, element of the caller's) for every element of one row of texels.
template <class Copy>
void each_element(const PlaneShape& shape, bool channels_last, int64_t row, const Copy& copy) {
  const int64_t own = row * shape.row_stride, plane_rows = shape.rows_per_plane();
  const int64_t plane = row / plane_rows, texel = row % plane_rows * shape.width, texels = plane_rows * shape.width;
  if (channels_last) {
    for (int x = 0; x < shape.width; ++x)
      for (int c = 0; c < shape.channels; ++c)
        copy(own + x * shape.padded + c, (plane * texels + texel + x) * shape.channels + c);
    return;
  }
  constexpr int SPAN = 16;  // texels at a time: a cache line of each channel
  for (int x0 = 0; x0 < shape.width; x0 += SPAN)
    for (int c = 0; c < shape.channels; ++c)
      for (int x = x0; x < x0 + SPAN && x < shape.width; ++x)
        copy(own + x * shape.padded + c, (plane * shape.channels + c) * texels + texel + x);
}

template <class T>
void take_planes(Crew& crew, const PlaneShape& shape, bool channels_last, const T* from, T* own) {
  crew.run(shape.rows, [&](int64_t row, int) {
    if (shape.padded > shape.channels)
      for (int i = 0; i < shape.row_stride; ++i) own[row * shape.row_stride + i] = 0;
    each_element(shape, channels_last, row, [=](int64_t to, int64_t at) { own[to] = from[at]; });
  });
}

template <class T>
void give_planes(Crew& crew, const PlaneShape& shape, bool channels_last, const T* own, T* to) {
  crew.run(shape.rows, [&](int64_t row, int) {
    each_element(shape, channels_last, row, [=](int64_t at, int64_t out) { to[out] = own[at]; });
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
