// What the kernels need of CUDA; with FACE3DMM_EMULATED they run on the CPU (tests/support/cuda_emulation).
#pragma once
#ifdef FACE3DMM_EMULATED
#include "emulation.h"
#else
#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

namespace face3dmm {

template <class Kernel, class Request>
void launch(Kernel kernel, int64_t blocks, int threads, void* stream, const Request& request) {
  if (blocks == 0) return;
  kernel<<<unsigned(blocks), threads, 0, static_cast<cudaStream_t>(stream)>>>(request);
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess) throw std::runtime_error(std::string("rasterize on CUDA: ") + cudaGetErrorString(status));
}

__device__ inline void take_larger(unsigned long long* to, unsigned long long value) { atomicMax(to, value); }

}  // namespace face3dmm
#endif
