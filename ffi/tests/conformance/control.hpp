// What may end a run.
#ifndef CONFORMANCE_CONTROL_HPP
#define CONFORMANCE_CONTROL_HPP

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "facts.hpp"

// What may end a run, for as long as the run may need it.
class Control {
 public:
  explicit Control(const Json &options) {
    if (options.contains("outputs")) {
      options_.outputs = options["outputs"].get<std::vector<std::string>>();
    }
    if (options.contains("deadline_ns")) {
      options_.deadline = std::chrono::nanoseconds(options["deadline_ns"].get<std::int64_t>());
    }
    if (options.value("cancelled", false)) {
      token_.cancel();
      options_.cancel = &token_;
    }
    if (options.contains("cancel_after_ns")) {
      options_.cancel = &token_;
      canceller_ = std::thread([this, time = options["cancel_after_ns"].get<std::int64_t>()] {
        std::unique_lock<std::mutex> lock(mutex_);
        if (!over_.wait_for(lock, std::chrono::nanoseconds(time), [this] { return is_over_; })) {
          token_.cancel();
        }
      });
    }
  }
  Control(const Control &) = delete;
  Control &operator=(const Control &) = delete;
  ~Control() {
    if (canceller_.joinable()) {
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        is_over_ = true;
      }
      over_.notify_all();
      canceller_.join();
    }
  }

  const ortlet::RunOptions &options() const { return options_; }

 private:
  ortlet::CancelToken token_;
  ortlet::RunOptions options_;
  std::mutex mutex_;
  std::condition_variable over_;
  bool is_over_ = false;
  std::thread canceller_;
};

#endif
