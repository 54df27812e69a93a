// Which instruction set runs.
#pragma once
#include <string>
#include <vector>

#include "scene.h"

namespace triplane_render {

// Names of the instruction sets that were compiled and that this processor has, best first.
std::vector<std::string> instruction_sets();

// Kernels of one of them; "" takes the best. Throws std::invalid_argument for a name that is not among them.
template <class T>
const Kernels<T>& kernels_of(const std::string& instruction_set);

}  // namespace triplane_render
