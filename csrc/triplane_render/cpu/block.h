// Memory that is not initialised.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace triplane_render {

// Begins on a cache line. A large block begins on a large page, and asks for such: the first touch of 25 MB in pages of
// 4 KB takes longer than copying planes into it.
template <class T>
class Block {
 public:
  explicit Block(size_t count = 0) : data_(nullptr, std::free) {
    if (!count) return;
    constexpr size_t LINE = 64, PAGE = size_t(1) << 21;
    const size_t bytes = count * sizeof(T), unit = bytes >= 2 * PAGE ? PAGE : LINE;
    void* memory = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit);
    if (!memory) throw std::bad_alloc();
    data_.reset(static_cast<T*>(memory));
#ifdef MADV_HUGEPAGE
    if (unit == PAGE) madvise(memory, bytes / PAGE * PAGE, MADV_HUGEPAGE);
#endif
  }
  T* get() const { return data_.get(); }
  explicit operator bool() const { return bool(data_); }

 private:
  std::unique_ptr<T, void (*)(void*)> data_;
};

}  // namespace triplane_render
