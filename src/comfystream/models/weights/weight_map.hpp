// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/models/weights/mapped_file.hpp"
#include "comfystream/tensor/tensor.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace comfystream::weights {

/// The named tensors of a model file, and its metadata. Tensors borrow the file's mapping, which lives as long as any
/// of them. Const access is safe from any thread.
class WeightMap {
 public:
  WeightMap() = default;
  /// `origin` is the file's path, for messages.
  explicit WeightMap(std::string origin) : origin_(std::move(origin)) {}

  void insert(std::string name, Tensor tensor);
  /// A tensor that the file has in a dtype we cannot use (`dtype` is the file's word for it): it counts as contained,
  /// and asking for it throws Error(kUnsupported). A checkpoint's side tables thus do not make the whole file unusable.
  void insert_unsupported(std::string name, std::string dtype);
  void set_metadata(std::string key, std::string value);
  /// The mapping that tensors borrow from, for drop_pages().
  void set_mapping(std::shared_ptr<const MappedFile> mapping) { mapping_ = std::move(mapping); }

  [[nodiscard]] bool contains(std::string_view name) const;
  /// Error(kNotFound) names the tensor and the file.
  [[nodiscard]] const Tensor& at(std::string_view name) const;
  /// nullptr when absent. Both throw Error(kUnsupported) for a tensor in a dtype that cannot be used.
  [[nodiscard]] const Tensor* find(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, Tensor, std::less<>>& tensors() const noexcept { return tensors_; }
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& metadata() const noexcept { return metadata_; }
  [[nodiscard]] const std::string& origin() const noexcept { return origin_; }
  /// Names and file dtypes of the tensors that cannot be used.
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& unsupported() const noexcept {
    return unsupported_;
  }

  /// The tensors whose names start with `prefix`, under their names without it. Metadata and origin are kept.
  [[nodiscard]] WeightMap with_prefix_removed(std::string_view prefix) const;
  /// Largest k + 1 over names of the form `prefix` + k + "." + ..., 0 when there is none: how many blocks a list has.
  [[nodiscard]] std::int64_t count_indexed(std::string_view prefix) const;
  /// No tensors, but the same metadata, origin and mapping: what a change of names starts from.
  [[nodiscard]] WeightMap emptied() const;
  /// Lets the system forget the file pages of these tensors, once a backend has its own copy; they stay readable.
  void drop_pages() const noexcept;
  /// The same for one of them; nothing when it does not lie in the file's mapping.
  void drop_pages(const Tensor& tensor) const noexcept;

 private:
  [[nodiscard]] std::string quoted_origin() const;

  std::map<std::string, Tensor, std::less<>> tensors_;
  std::map<std::string, std::string, std::less<>> unsupported_;
  std::map<std::string, std::string, std::less<>> metadata_;
  std::string origin_;
  std::shared_ptr<const MappedFile> mapping_;
};

/// Opens a model file by its contents: safetensors (mapped) or a PyTorch zip checkpoint (tensors and containers only,
/// nothing is executed). A TensorRT plan, HTML page, Git LFS pointer or anything else gets an Error that says what it
/// is.
[[nodiscard]] WeightMap load_weights(const std::filesystem::path& path);
[[nodiscard]] WeightMap load_weights(std::shared_ptr<const MappedFile> file);

}  // namespace comfystream::weights
