// Runs CUDA kernels on the CPU, for tests of their arithmetic where there is no GPU.
//
// Each thread of a block is a fiber. A fiber runs until it waits for the others of its warp or block, so a barrier
// that is missing shows as a wrong result in one of the two orders in which fibers can be taken up
// (environment variable EMULATION_REVERSE). It proves nothing about speed or about memory on a real device.
#pragma once
#include <ucontext.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <vector>

#define __device__
#define __host__
#define __global__
#define __grid_constant__
using std::isfinite;

struct Three {
  unsigned x = 0, y = 0, z = 0;
};
inline Three threadIdx, blockIdx, blockDim, gridDim;

struct __half {
  uint16_t bits;
};
struct __nv_bfloat16 {
  uint16_t bits;
};
inline float __half2float(__half value) {
  const int exponent = value.bits >> 10 & 31, mantissa = value.bits & 1023;
  const float sign = value.bits & 0x8000 ? -1.0f : 1.0f;
  if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
  return sign * std::ldexp(float(exponent ? 1024 + mantissa : mantissa), (exponent ? exponent : 1) - 25);
}
inline __half __float2half_rn(float value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float size = std::fabs(value);
  if (std::isnan(value)) return {uint16_t(sign | 0x7e00)};
  if (size >= 65520.0f) return {uint16_t(sign | 0x7c00)};
  const int exponent = size < 0x1p-14f ? -14 : std::ilogb(size);
  const float steps = std::nearbyint(std::ldexp(size, 10 - exponent));  // to even; 2048 carries into the exponent
  return {uint16_t(sign | (uint16_t(steps) + (exponent + 14) * 1024 * (size >= 0x1p-14f)))};
}
inline float __bfloat162float(__nv_bfloat16 value) {
  const uint32_t bits = uint32_t(value.bits) << 16;
  float number;
  std::memcpy(&number, &bits, 4);
  return number;
}
inline __nv_bfloat16 __float2bfloat16_rn(float value) {
  if (std::isnan(value)) return {0x7fc0};
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  bits += 0x7fff + ((bits >> 16) & 1);
  return {uint16_t(bits >> 16)};
}

namespace emulation {

constexpr int WARP = 32;

struct Barrier {
  int waiting = 0, generation = 0;
};

struct Block {
  std::vector<ucontext_t> fibers;
  std::vector<std::unique_ptr<char[]>> stacks;
  std::vector<bool> done;
  std::vector<Barrier> warps;
  Barrier all;
  std::vector<uint64_t> slots;                    // one word per thread, for shuffles
  std::vector<std::array<unsigned, 6>> fragments;  // a and b of each thread, for products
  ucontext_t scheduler;
  int current = 0;
  char* shared = nullptr;
  const std::function<void()>* body = nullptr;
};
inline Block* block = nullptr;

inline void yield() { swapcontext(&block->fibers[block->current], &block->scheduler); }

inline void wait(Barrier& barrier, int members) {
  const int generation = barrier.generation;
  if (++barrier.waiting == members) {
    barrier.waiting = 0;
    ++barrier.generation;
    return;
  }
  while (barrier.generation == generation) yield();
}

inline void fiber() {
  (*block->body)();
  block->done[block->current] = true;
  swapcontext(&block->fibers[block->current], &block->scheduler);
}

inline void run_block(int threads, char* shared, const std::function<void()>& body) {
  constexpr size_t STACK = 128 * 1024;
  Block here;
  here.fibers.resize(threads), here.done.assign(threads, false), here.warps.resize(threads / WARP);
  here.slots.resize(threads), here.fragments.resize(threads);
  here.shared = shared, here.body = &body;
  block = &here;
  for (int i = 0; i < threads; ++i) {
    here.stacks.emplace_back(new char[STACK]);
    getcontext(&here.fibers[i]);
    here.fibers[i].uc_stack.ss_sp = here.stacks[i].get();
    here.fibers[i].uc_stack.ss_size = STACK;
    here.fibers[i].uc_link = nullptr;
    makecontext(&here.fibers[i], fiber, 0);
  }
  const bool reverse = std::getenv("EMULATION_REVERSE") != nullptr;
  for (int left = threads; left;) {
    for (int i = 0; i < threads; ++i) {
      const int thread = reverse ? threads - 1 - i : i;
      if (here.done[thread]) continue;
      here.current = thread;
      threadIdx.x = unsigned(thread);
      swapcontext(&here.scheduler, &here.fibers[thread]);
      left -= here.done[thread];
    }
  }
  block = nullptr;
}

inline Barrier& own_warp() { return block->warps[block->current / WARP]; }

template <class T>
T exchange(T value, int from) {
  const int thread = block->current, first = thread / WARP * WARP;
  std::memcpy(&block->slots[thread], &value, sizeof(T));
  wait(own_warp(), WARP);
  T got;
  std::memcpy(&got, &block->slots[first + from], sizeof(T));
  wait(own_warp(), WARP);
  return got;
}

// A kernel without shared memory.
template <class Kernel, class Request>
void launch(Kernel kernel, int64_t blocks, int threads, void*, const Request& request) {
  gridDim.x = unsigned(blocks), blockDim.x = unsigned(threads);
  for (int64_t i = 0; i < blocks; ++i) {
    blockIdx.x = unsigned(i);
    run_block(threads, nullptr, [&] { kernel(request); });
  }
}

template <class T>
void take_larger(T* to, T value) {
  if (value > *to) *to = value;
}

}  // namespace emulation

inline void __syncwarp() { emulation::wait(emulation::own_warp(), emulation::WARP); }
inline void __syncthreads() { emulation::wait(emulation::block->all, int(emulation::block->fibers.size())); }
template <class T>
T __shfl_sync(unsigned, T value, int from) {
  return emulation::exchange(value, from);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return emulation::exchange(value, (emulation::block->current % 32) ^ mask);
}
template <class T>
T __shfl_up_sync(unsigned, T value, unsigned step) {
  const int own = emulation::block->current % 32;
  return emulation::exchange(value, own >= int(step) ? own - int(step) : own);
}
inline bool __any_sync(unsigned, bool value) {
  bool any = false;
  for (int i = 0; i < 32; ++i) any = emulation::exchange(value, i) || any;
  return any;
}
template <class T>
T atomicAdd(T* to, T value) {
  const T old = *to;
  *to += value;
  return old;
}

namespace triplane_render {

struct Device {
  int multiprocessors, shared_bytes;
  static Device current() {  // few and small, so that blocks take several rays and warps per block vary
    const char* bytes = std::getenv("EMULATION_SHARED_BYTES");
    return {2, bytes ? std::atoi(bytes) : 99 * 1024};
  }
};

template <class Kernel>
int resident_blocks(Kernel, int, int) {
  return 1;
}

template <class Kernel, class Request>
void launch(Kernel kernel, int blocks, int threads, int shared_bytes, void*, const Request& request) {
  std::vector<double> shared(size_t(shared_bytes) / 8 + 2);
  gridDim.x = unsigned(blocks), blockDim.x = unsigned(threads);
  for (int i = 0; i < blocks; ++i) {
    blockIdx.x = unsigned(i);
    std::fill(shared.begin(), shared.end(), NAN);  // shared memory starts as anything
    const uintptr_t at = (reinterpret_cast<uintptr_t>(shared.data()) + 15) / 16 * 16;
    emulation::run_block(threads, reinterpret_cast<char*>(at), [&] { kernel(request); });
  }
}

inline char* shared_memory() { return emulation::block->shared; }

// As PTX defines mma.m16n8k16: thread t holds rows t / 4 and t / 4 + 8 of a and c, column t / 4 of b.
template <class E>
void multiply_fragments(float c[4], const unsigned a[4], const unsigned b[2], E) {
  using namespace emulation;
  const int thread = block->current, first = thread / 32 * 32, own = thread % 32;
  block->fragments[thread] = {a[0], a[1], a[2], a[3], b[0], b[1]};
  wait(own_warp(), 32);
  const auto number = [](unsigned word, int half) {
    E element;
    element.bits = uint16_t(half ? word >> 16 : word);
    if constexpr (std::is_same_v<E, __half>) return __half2float(element);
    else return __bfloat162float(element);
  };
  for (int i = 0; i < 4; ++i) {
    const int row = own / 4 + i / 2 * 8, column = own % 4 * 2 + i % 2;
    for (int k = 0; k < 16; ++k) {
      const auto& left = block->fragments[first + row % 8 * 4 + k % 8 / 2];
      const auto& right = block->fragments[first + column * 4 + k % 8 / 2];
      c[i] += number(left[row / 8 + k / 8 * 2], k % 2) * number(right[4 + k / 8], k % 2);
    }
  }
  wait(own_warp(), 32);
}

template <class T>
void add_four(T* to, const T value[4]) {
  for (int i = 0; i < 4; ++i) to[i] += value[i];
}
using emulation::take_larger;

}  // namespace triplane_render

namespace face3dmm {
using emulation::launch;
using emulation::take_larger;
}  // namespace face3dmm
