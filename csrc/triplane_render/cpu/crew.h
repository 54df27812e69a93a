// Threads that work through numbered tasks together, for the length of one call.
//
// Plain std::thread rather than OpenMP: the framework brings its own OpenMP runtime, and two of them in one
// process spin against each other for the cores.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace triplane_render {

class Crew {
 public:
  explicit Crew(int threads) : size_(threads < 1 ? 1 : threads) {
    for (int index = 1; index < size_; ++index) threads_.emplace_back([this, index] { serve(index); });
  }
  ~Crew() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      leaving_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  int size() const { return size_; }

  // Calls work(task, thread) for task = 0 .. tasks - 1, in any order, and returns when all are done.
  void run(int64_t tasks, const std::function<void(int64_t, int)>& work) {
    if (size_ == 1 || tasks == 1) {
      for (int64_t task = 0; task < tasks; ++task) work(task, 0);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      tasks_ = tasks;
      next_.store(0);
      busy_ = size_ - 1;
      ++round_;
    }
    wake_.notify_all();
    take(work, tasks, 0);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  void take(const std::function<void(int64_t, int)>& work, int64_t tasks, int index) {
    for (int64_t task; (task = next_.fetch_add(1)) < tasks;) work(task, index);
  }
  void serve(int index) {
    int64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return leaving_ || round_ != seen; });
      if (leaving_) return;
      seen = round_;
      const auto* work = work_;
      const int64_t tasks = tasks_;
      lock.unlock();
      take(*work, tasks, index);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  const int size_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(int64_t, int)>* work_ = nullptr;
  int64_t tasks_ = 0, round_ = 0;
  int busy_ = 0;
  bool leaving_ = false;
  std::atomic<int64_t> next_{0};
};

}  // namespace triplane_render
