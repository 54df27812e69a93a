#include "dispatch.h"

#include <stdexcept>
#ifdef TRIPLANE_X86
#include <cpuid.h>
#endif

namespace triplane_render {
namespace {

struct Entry {
  const char* name;
  bool here;
  const Kernels<float>* kernels32;
  const Kernels<double>* kernels64;
};

#ifdef TRIPLANE_X86
bool has_avx512_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1);
}
#endif

std::vector<Entry> entries() {
  std::vector<Entry> all;
#ifdef TRIPLANE_X86
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  // What there is of AVX512_BF16 is asked of the processor: not every compiler has a name for it.
  all.push_back({"avx512_bf16", avx512 && has_avx512_bf16(), &avx512_bf16::kernels32, &avx512_bf16::kernels64});
  all.push_back({"avx512", avx512, &avx512::kernels32, &avx512::kernels64});
  all.push_back({"avx2", avx2, &avx2::kernels32, &avx2::kernels64});
#endif
  all.push_back({"portable", true, &portable::kernels32, &portable::kernels64});
  // The arithmetic of avx512_bf16 on any processor, for tests; slow.
  all.push_back({"portable_bf16", true, &portable_bf16::kernels32, &portable_bf16::kernels64});
  return all;
}

Entry entry_of(const std::string& name) {
  for (const Entry& entry : entries())
    if (entry.here && (name.empty() || name == entry.name)) return entry;
  throw std::invalid_argument("instruction set '" + name + "' is not compiled in, or this processor lacks it");
}

}  // namespace

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const Entry& entry : entries())
    if (entry.here) names.push_back(entry.name);
  return names;
}

template <>
const Kernels<float>& kernels_of<float>(const std::string& name) {
  return *entry_of(name).kernels32;
}
template <>
const Kernels<double>& kernels_of<double>(const std::string& name) {
  return *entry_of(name).kernels64;
}

}  // namespace triplane_render
