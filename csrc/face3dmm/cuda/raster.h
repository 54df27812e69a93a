// The z-buffer on the GPU: the parameters of the CPU's, every pointer on the device, and a buffer of keys.
#pragma once
#include "../raster.h"

namespace face3dmm {

struct CudaRasterParams {
  RasterParams raster;
  unsigned long long* keys;  // scratch [frames, height, width]
  void* stream;
};

void cuda_rasterize(const CudaRasterParams& params);

}  // namespace face3dmm
