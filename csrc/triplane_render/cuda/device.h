// What the kernels need of CUDA. With TRIPLANE_EMULATED the same kernels run on the CPU, one fiber per thread, so
// that their arithmetic is tested where there is no GPU (tests/support/cuda_emulation).
#pragma once
#ifdef TRIPLANE_EMULATED
#include "emulation.h"
#else
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

namespace triplane_render {

inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
}

// What a launch may use of the current device.
struct Device {
  int multiprocessors, shared_bytes;  // shared memory that one block may ask for
  static Device current() {
    int device;
    Device found{};
    check(cudaGetDevice(&device), "asking for the device");
    check(cudaDeviceGetAttribute(&found.multiprocessors, cudaDevAttrMultiProcessorCount, device), "multiprocessors");
    check(cudaDeviceGetAttribute(&found.shared_bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "memory");
    return found;
  }
};

template <class Kernel>
int resident_blocks(Kernel kernel, int threads, int shared_bytes) {
  int blocks = 0;
  const auto attribute = cudaFuncAttributeMaxDynamicSharedMemorySize;
  check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, shared_bytes), "shared memory");
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, size_t(shared_bytes)), "occupancy");
  return blocks > 0 ? blocks : 1;
}

template <class Kernel, class Request>
void launch(Kernel kernel, int blocks, int threads, int shared_bytes, void* stream, const Request& request) {
  kernel<<<blocks, threads, shared_bytes, static_cast<cudaStream_t>(stream)>>>(request);
  check(cudaGetLastError(), "render_planes on CUDA");
}

__device__ inline char* shared_memory() {
  extern __shared__ __align__(16) char memory[];
  return memory;
}

// c (16, 8) += a (16, 16) b (16, 8), fragments as PTX lays them out for mma.m16n8k16.
__device__ inline void multiply_fragments(float c[4], const unsigned a[4], const unsigned b[2], __nv_bfloat16) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ inline void multiply_fragments(float c[4], const unsigned a[4], const unsigned b[2], __half) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Four neighbouring sums at once where the hardware can (compute capability 9.0).
__device__ inline void add_four(float* to, const float value[4]) {
#if __CUDA_ARCH__ >= 900
  atomicAdd(reinterpret_cast<float4*>(to), make_float4(value[0], value[1], value[2], value[3]));
#else
  for (int i = 0; i < 4; ++i) atomicAdd(to + i, value[i]);
#endif
}
__device__ inline void add_four(double* to, const double value[4]) {
  for (int i = 0; i < 4; ++i) atomicAdd(to + i, value[i]);
}

// The largest of numbers >= 0, whose bits are in their own order.
__device__ inline void take_larger(float* to, float value) {
  atomicMax(reinterpret_cast<int*>(to), __float_as_int(value));
}
__device__ inline void take_larger(double* to, double value) {
  atomicMax(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(__double_as_longlong(value)));
}

}  // namespace triplane_render
#endif
