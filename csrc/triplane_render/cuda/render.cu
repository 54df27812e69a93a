// Choosing the kernel of a request, its block and its grid.
#include "backward.cuh"
#include "forward.cuh"

namespace triplane_render {
namespace {

constexpr int MOST_WARPS = 8;  // per block

struct Grid {
  int blocks, warps, shared;  // warps per block; 0 where not even one fits
};

void check_fit(const Grid& grid) {
  if (!grid.warps) throw std::runtime_error("the samples of one ray do not fit into this GPU's shared memory");
}

template <class T, class Products, class Kernel>
Grid grid_of(const CudaRequest<T>& q, Kernel kernel, bool backward) {
  const Device device = Device::current();
  Grid grid{0, MOST_WARPS, 0};
  for (; grid.warps; grid.warps /= 2) {
    grid.shared = shared_bytes<T, Products>(q, grid.warps, backward);
    if (grid.shared <= device.shared_bytes) break;
  }
  if (!grid.warps) return grid;
  const int64_t needed = (q.batch * q.rays + grid.warps - 1) / grid.warps;
  const int64_t room = int64_t(device.multiprocessors) * resident_blocks(kernel, grid.warps * WARP, grid.shared);
  grid.blocks = int(needed < room ? needed : room);
  return grid;
}

// Calls use(kernel, grid) with the kernel that fits the types of a request.
template <class T, class P, class Products, class Use>
auto with_types(const CudaRequest<T>& q, bool backward, Use use) {
  auto* kernel = backward ? backward_kernel<T, P, Products> : forward_kernel<T, P, Products>;
  return use(kernel, grid_of<T, Products>(q, kernel, backward));
}

template <class Use>
auto with_kernel(const CudaRequest<float>& q, bool backward, Use use) {
  if (q.plane_type == PlaneType::float16) return with_types<float, __half, TensorProducts<__half>>(q, backward, use);
  if (q.plane_type == PlaneType::bfloat16)
    return with_types<float, __nv_bfloat16, TensorProducts<__nv_bfloat16>>(q, backward, use);
  return with_types<float, float, ScalarProducts<float>>(q, backward, use);
}
template <class Use>
auto with_kernel(const CudaRequest<double>& q, bool backward, Use use) {
  return with_types<double, double, ScalarProducts<double>>(q, backward, use);
}

template <class T>
void run(const CudaRequest<T>& q, bool backward) {
  if (q.batch * q.rays == 0) return;
  with_kernel(q, backward, [&](auto kernel, const Grid& grid) {
    check_fit(grid);
    launch(kernel, grid.blocks, grid.warps * WARP, grid.shared, q.stream, q);
  });
}

}  // namespace

template <class T>
bool cuda_fits(const CudaRequest<T>& q, bool backward) {
  return with_kernel(q, backward, [](auto, const Grid& grid) { return grid.warps > 0; });
}

template <class T>
int64_t cuda_warps(const CudaRequest<T>& q) {
  if (q.batch * q.rays == 0) return 0;
  return with_kernel(q, true, [](auto, const Grid& grid) {
    check_fit(grid);
    return int64_t(grid.blocks) * grid.warps;
  });
}

template <class T>
void cuda_render_forward(const CudaRequest<T>& q) {
  run(q, false);
}
template <class T>
void cuda_render_backward(const CudaRequest<T>& q) {
  run(q, true);
}

#define TRIPLANE_CUDA(T)                                    \
  template bool cuda_fits<T>(const CudaRequest<T>&, bool);  \
  template int64_t cuda_warps<T>(const CudaRequest<T>&);    \
  template void cuda_render_forward<T>(const CudaRequest<T>&); \
  template void cuda_render_backward<T>(const CudaRequest<T>&);
TRIPLANE_CUDA(float)
TRIPLANE_CUDA(double)
#undef TRIPLANE_CUDA

}  // namespace triplane_render
