// Sums of decoder gradients, one set per chunk of a wave, added up in the order of the chunks.
#pragma once
#include <algorithm>

#include "block.h"
#include "render.h"

namespace triplane_render {

template <class T>
class DecoderSums {
 public:
  DecoderSums(const Decoder<T>& net, int lanes, int sets) : net_(net) {
    out_padded_ = (net.features + 1 + lanes - 1) / lanes * lanes;
    const size_t parts[] = {size_t(net.hidden) * net.channels_padded, size_t(net.hidden_padded),
                            size_t(net.features + 1) * net.hidden_padded, size_t(out_padded_)};
    for (int i = 0; i < 4; ++i) offset_[i + 1] = offset_[i] + (parts[i] + 15) / 16 * 16;
    memory_ = Block<T>(offset_[4] * (sets + 1));
    std::fill_n(memory_.get() + offset_[4] * sets, offset_[4], T(0));
    total_ = sets;
  }
  DecoderGradient<T> cleared(int set) {
    T* at = memory_.get() + offset_[4] * set;
    std::fill_n(at, offset_[4], T(0));
    return {at, at + offset_[1], at + offset_[2], at + offset_[3]};
  }
  void add_up(int sets) {
    T* total = memory_.get() + offset_[4] * total_;
    for (int set = 0; set < sets; ++set) {
      const T* at = memory_.get() + offset_[4] * set;
      for (size_t i = 0; i < offset_[4]; ++i) total[i] += at[i];
    }
  }
  void write(const Request<T>& q) const {
    const T* at = memory_.get() + offset_[4] * total_;
    for (int h = 0; h < q.hidden; ++h) {
      for (int c = 0; c < q.channels; ++c) q.grad_w1[h * q.channels + c] = at[h * net_.channels_padded + c];
      q.grad_b1[h] = at[offset_[1] + h];
      for (int row = 0; row <= q.features; ++row)
        q.grad_w2[((row + 1) % (q.features + 1)) * q.hidden + h] = at[offset_[2] + row * net_.hidden_padded + h];
    }
    for (int row = 0; row <= q.features; ++row) q.grad_b2[(row + 1) % (q.features + 1)] = at[offset_[3] + row];
  }

 private:
  const Decoder<T>& net_;
  int out_padded_, total_;
  size_t offset_[5] = {0, 0, 0, 0, 0};
  Block<T> memory_;
};

}  // namespace triplane_render
