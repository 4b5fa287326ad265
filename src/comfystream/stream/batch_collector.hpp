// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/stream/tensor_cache.hpp"

#include <cstddef>
#include <vector>

namespace comfystream::stream {

/// Decides when a batch runs and which frames travel in it. Streams take turns, frame by frame, so that none starves
/// another; the order within a stream is kept. Has no lock and no clock of its own: the owner guards it and says what
/// time it is. Only add() allocates.
class BatchCollector {
 public:
  struct Decision {
    int frames = 0;                     ///< frames to run now, 0 for none
    TimePoint wake = TimePoint::max();  ///< when to ask again if nothing happens before
  };

  /// `cache` outlives its stay here.
  void add(TensorCache& cache);
  void remove(const TensorCache& cache);

  /// A full batch runs at once, also ahead of a busy device, so that its input is there when the device gets free. So
  /// does one that can grow no more (a queue is full, or every stream has ended). Any other runs when the device is
  /// free and the allowance of its oldest frame has passed; while the device is busy it may grow.
  [[nodiscard]] Decision decide(int max_batch, bool device_busy, TimePoint now) const noexcept;

  /// The stream whose turn it is among those with a ready frame. Precondition: there is one.
  [[nodiscard]] TensorCache& next_stream() noexcept;

 private:
  std::vector<TensorCache*> streams_;
  std::size_t turn_ = 0;
};

}  // namespace comfystream::stream
