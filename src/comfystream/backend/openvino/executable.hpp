// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/backend/backend.hpp"
#include "comfystream/backend/openvino/program.hpp"

#include <memory>

namespace comfystream::backend::openvino {

class OpenVinoExecutable final : public Executable {
 public:
  explicit OpenVinoExecutable(std::shared_ptr<Program> program) : program_(std::move(program)) {}

  [[nodiscard]] std::unique_ptr<Slot> make_slot() override;
  void set_parameter(std::size_t index, const Tensor& value) override;
  void enqueue(Slot& slot, std::int64_t batch_size) override;
  void wait(Slot& slot) override;
  [[nodiscard]] std::chrono::nanoseconds device_time(const Slot& slot) const override;
  void warm(std::int64_t batch_size) override;
  [[nodiscard]] std::map<std::string, std::chrono::nanoseconds> time_by_scope() const override;

 private:
  std::shared_ptr<Program> program_;
};

}  // namespace comfystream::backend::openvino
