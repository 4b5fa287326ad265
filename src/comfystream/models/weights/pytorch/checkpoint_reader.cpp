// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/pytorch/checkpoint_reader.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/weights/convert.hpp"
#include "comfystream/models/weights/foreign_file.hpp"
#include "comfystream/models/weights/pytorch/pickle_globals.hpp"
#include "comfystream/models/weights/pytorch/pickle_machine.hpp"
#include "comfystream/models/weights/pytorch/tensor_view.hpp"
#include "comfystream/models/weights/pytorch/zip_reader.hpp"
#include "comfystream/models/weights/safetensors/header.hpp"

#include <utility>

namespace comfystream::weights {
namespace {

constexpr const char* kPickle = "data.pkl";
constexpr int kDeepest = 8;  // of nested dictionaries; a dictionary may also contain itself

/// One checkpoint being read: archive, pickle and what has been made of them.
class CheckpointReader {
 public:
  explicit CheckpointReader(std::shared_ptr<const MappedFile> file)
      : file_(std::move(file)), name_(file_->path().string()), zip_(file_->bytes(), name_), result_(name_) {
    result_.set_mapping(file_);
  }

  WeightMap read();

 private:
  void find_pickle();
  [[nodiscard]] const pickle::Dict& state_dict() const;
  [[nodiscard]] const pickle::Dict* dict_at(const pickle::Dict& dict, std::string_view key) const;
  void take_dict(const pickle::Dict& dict, const std::string& prefix, int depth);
  void take_tensor(std::string name, const pickle::TensorRef& tensor);
  [[nodiscard]] Tensor materialised(DType dtype, const TensorView& view, const std::string& name);
  void account(std::uint64_t bytes, const std::string& name);

  std::shared_ptr<const MappedFile> file_;
  std::string name_;
  ZipReader zip_;
  std::string folder_;  ///< what the entries' names begin with: "archive/"
  pickle::Document document_;
  WeightMap result_;
  std::uint64_t copied_ = 0;
};

void CheckpointReader::find_pickle() {
  const std::string entry = zip_.find_ending(kPickle);
  if (entry.empty()) {
    const bool script = !zip_.find_ending("constants.pkl").empty();
    throw Error(ErrorCode::kUnsupported,
                "'" + name_ + "' is a zip archive without a " + kPickle + ": no PyTorch checkpoint",
                script ? "it is a TorchScript program; get the model's weights instead" : "give the model file itself");
  }
  folder_ = entry.substr(0, entry.size() - std::string_view(kPickle).size());
  if (zip_.contains(folder_ + "byteorder")) {
    const auto order = zip_.at(folder_ + "byteorder");
    const std::string_view text(reinterpret_cast<const char*>(order.data()), order.size());
    if (text != "little") throw Error(ErrorCode::kUnsupported, "'" + name_ + "' was saved on a big-endian machine");
  }
}

const pickle::Dict* CheckpointReader::dict_at(const pickle::Dict& dict, std::string_view key) const {
  for (const auto& [name, value] : dict.items) {
    const auto* text = document_.get<std::string>(name);
    if (text != nullptr && *text == key) return document_.get<pickle::Dict>(value);
  }
  return nullptr;
}

const pickle::Dict& CheckpointReader::state_dict() const {
  const auto* root = document_.get<pickle::Dict>(document_.root);
  if (root == nullptr) {
    throw Error(ErrorCode::kUnsupported, "'" + name_ + "' does not hold a dictionary of tensors",
                "save the model's state_dict() instead");
  }
  for (const char* key : {"state_dict", "params_ema", "params"}) {
    if (const pickle::Dict* inner = dict_at(*root, key)) return *inner;
  }
  return *root;
}

WeightMap CheckpointReader::read() {
  find_pickle();
  const auto bytes = zip_.at(folder_ + kPickle);
  if (is_saved_tensorrt_engine(bytes)) throw_tensorrt_plan(name_);
  document_ = pickle::Machine(bytes, name_).run();
  take_dict(state_dict(), "", 0);
  if (result_.tensors().empty() && result_.unsupported().empty()) {
    throw Error(ErrorCode::kUnsupported, "'" + name_ + "' holds no tensors", "give a model's checkpoint");
  }
  return std::move(result_);
}

void CheckpointReader::take_dict(const pickle::Dict& dict, const std::string& prefix, int depth) {
  if (depth > kDeepest) return;
  for (const auto& [key, value] : dict.items) {
    const auto* text = document_.get<std::string>(key);
    if (text == nullptr) continue;
    if (const auto* tensor = document_.get<pickle::TensorRef>(value)) {
      take_tensor(prefix + *text, *tensor);
    } else if (const auto* inner = document_.get<pickle::Dict>(value)) {
      account(prefix.size() + text->size() + 1, *text);
      take_dict(*inner, prefix + *text + ".", depth + 1);
    }
  }
}

void CheckpointReader::take_tensor(std::string name, const pickle::TensorRef& tensor) {
  account(name.size(), name);
  if (result_.contains(name)) {
    throw Error(ErrorCode::kCorruptFile, "tensor '" + name + "' stands twice in '" + name_ + "'", "convert it again");
  }
  const auto& storage = *document_.get<pickle::Storage>(tensor.storage);
  const std::string_view word = pickle::storage_word(storage.type);
  const StorageBytes bytes{zip_.at(folder_ + "data/" + storage.key), storage.elements, safetensors_dtype_size(word)};
  const TensorView view = view_of(tensor, bytes, name, name_);
  const auto dtype = safetensors_dtype(word);
  if (dtype && view.contiguous) {
    result_.insert(std::move(name), Tensor::borrow(*dtype, view.shape, view.bytes, file_));
  } else if (dtype) {
    Tensor copy = materialised(*dtype, view, name);
    result_.insert(std::move(name), std::move(copy));
  } else if (word == "F64" && view.contiguous) {
    account(view.bytes.size(), name);
    result_.insert(std::move(name), f32_from_f64(view.shape, view.bytes));
  } else {
    result_.insert_unsupported(std::move(name), std::string(word) + (view.contiguous ? "" : ", strided"));
  }
}

Tensor CheckpointReader::materialised(DType dtype, const TensorView& view, const std::string& name) {
  account(static_cast<std::uint64_t>(view.shape.elements()) * view.element_size, name);
  Tensor tensor(dtype, view.shape);
  gather(view, tensor.mutable_bytes());
  return tensor;
}

/// Copies are bounded by the file's own size, so that a small file cannot ask for a large memory.
void CheckpointReader::account(std::uint64_t bytes, const std::string& name) {
  copied_ += bytes;
  if (copied_ <= file_->bytes().size()) return;
  throw Error(ErrorCode::kUnsupported,
              "'" + name_ + "' needs more copies than it has bytes, at tensor '" + name.substr(0, 80) + "'",
              "save it again with every tensor contiguous");
}

}  // namespace

WeightMap read_pytorch_checkpoint(std::shared_ptr<const MappedFile> file) {
  return CheckpointReader(std::move(file)).read();
}

}  // namespace comfystream::weights
