// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/frame.hpp"
#include "comfystream/stream/batch_plan.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace comfystream::stream {

/// Pictures of one size in memory that goes round: what take() hands out comes back when the picture is destroyed, on
/// any thread. The pool lives until its last picture has gone.
class PicturePool final : public PictureRecycler, public std::enable_shared_from_this<PicturePool> {
 public:
  /// A pool that has `count` pictures ready.
  [[nodiscard]] static std::shared_ptr<PicturePool> create(PictureSpec spec, std::size_t count);

  /// A picture with undefined pixels. When none is ready the pool grows by one, which allocates.
  [[nodiscard]] Picture take();
  /// Makes the pool own at least `count` pictures.
  void reserve(std::size_t count);

  [[nodiscard]] const PictureSpec& spec() const noexcept { return spec_; }
  /// Pictures owned, ready or handed out.
  [[nodiscard]] std::size_t size() const;

  void recycle(std::byte* memory) noexcept override;

 private:
  explicit PicturePool(PictureSpec spec) : spec_(spec) {}
  void add_one();

  PictureSpec spec_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<std::byte[]>> owned_;
  std::vector<std::byte*> ready_;  ///< capacity covers all that is owned, so that recycle cannot allocate
};

}  // namespace comfystream::stream
