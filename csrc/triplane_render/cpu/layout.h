// Memory: aligned blocks, planes with their channels last, the decoder packed.
#pragma once
#include <cstdlib>
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

// (channels, texels) -> (texels, padded), zeros in the padding, for each of 3 planes.
template <class T>
void channels_to_last(Crew& crew, const T* from, int channels, int padded, int64_t texels, T* to) {
  constexpr int64_t SPAN = 256;
  const int64_t spans = (texels + SPAN - 1) / SPAN;
  crew.run(3 * spans, [&](int64_t task, int) {
    const T* source = from + task / spans * channels * texels;
    T* target = to + task / spans * padded * texels;
    const int64_t first = task % spans * SPAN, last = first + SPAN < texels ? first + SPAN : texels;
    for (int64_t t0 = first; t0 < last; t0 += 16) {
      const int64_t t1 = t0 + 16 < last ? t0 + 16 : last;
      for (int c = 0; c < channels; ++c)
        for (int64_t t = t0; t < t1; ++t) target[t * padded + c] = source[c * texels + t];
      for (int c = channels; c < padded; ++c)
        for (int64_t t = t0; t < t1; ++t) target[t * padded + c] = 0;
    }
  });
}

// (texels, padded) -> (channels, texels), for each of 3 planes.
template <class T>
void channels_to_first(Crew& crew, const T* from, int channels, int padded, int64_t texels, T* to) {
  constexpr int64_t SPAN = 256;
  const int64_t spans = (texels + SPAN - 1) / SPAN;
  crew.run(3 * spans, [&](int64_t task, int) {
    const T* source = from + task / spans * padded * texels;
    T* target = to + task / spans * channels * texels;
    const int64_t first = task % spans * SPAN, last = first + SPAN < texels ? first + SPAN : texels;
    for (int64_t t0 = first; t0 < last; t0 += 16) {
      const int64_t t1 = t0 + 16 < last ? t0 + 16 : last;
      for (int c = 0; c < channels; ++c)
        for (int64_t t = t0; t < t1; ++t) target[c * texels + t] = source[t * padded + c];
    }
  });
}

// The decoder's weights as the kernels want them; owns the memory.
template <class T>
struct PackedDecoder {
  Decoder<T> view;
  Block<T> memory;

  PackedDecoder(const Request<T>& q, int lanes) {
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
  }
};

}  // namespace triplane_render
