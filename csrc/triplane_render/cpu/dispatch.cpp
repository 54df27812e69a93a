#include "dispatch.h"

#include <stdexcept>

namespace triplane_render {
namespace {

struct Entry {
  const char* name;
  bool here;
  const Kernels<float>* kernels32;
  const Kernels<double>* kernels64;
};

std::vector<Entry> entries() {
  std::vector<Entry> all;
#ifdef TRIPLANE_X86
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  all.push_back({"avx512", avx512, &avx512::kernels32, &avx512::kernels64});
  all.push_back({"avx2", avx2, &avx2::kernels32, &avx2::kernels64});
#endif
  all.push_back({"portable", true, &portable::kernels32, &portable::kernels64});
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
