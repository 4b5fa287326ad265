// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/foreign_file.hpp"

#include "comfystream/error.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace comfystream::weights {
namespace {

using namespace std::string_view_literals;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what, const std::string& hint) {
  throw Error(ErrorCode::kUnsupported, "'" + path.string() + "' is " + what, hint);
}

/// The beginning without blanks and in small letters, for texts that may be written in many ways.
std::string beginning(std::string_view text) {
  constexpr std::size_t kEnough = 256;
  const std::size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first == std::string_view::npos) return {};
  std::string result(text.substr(first, kEnough));
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

constexpr const char* kToSafetensors =
    "open it once with PyTorch and save it as safetensors: python -c \"import torch, safetensors.torch as s; "
    "d = torch.load('IN', weights_only=True); d = d.get('state_dict', d); "
    "s.save_file({k: v.contiguous() for k, v in d.items() if torch.is_tensor(v)}, 'OUT.safetensors')\"";

void refuse_text(std::string_view text, const std::filesystem::path& path) {
  const std::string start = beginning(text);
  if (start.starts_with("version https://git-lfs")) {
    refuse(path, "a Git LFS pointer, not the model itself",
           "fetch the file with `git lfs pull`, or download it from the model's page");
  }
  if (start.starts_with("<!doctype") || start.starts_with("<html") || start.starts_with("<?xml")) {
    refuse(path, "a web page, not a model: the download went wrong (an expired link or a page that asks to log in?)",
           "download the model file again");
  }
}

}  // namespace

void throw_tensorrt_plan(const std::filesystem::path& path) {
  refuse(
      path,
      "a TensorRT plan, which runs only on the GPU and TensorRT version it was made with; this program cannot run it",
      "`comfystream engine build --checkpoint <the model it was made from> -o <file>` makes one of ours");
}

bool is_raw_tensorrt_plan(std::span<const std::byte> bytes) {
  const std::string_view text = text_of(bytes);
  return text.starts_with("ftrt") || text.starts_with("ptrt");
}

bool is_saved_tensorrt_engine(std::span<const std::byte> pickle) {
  // Looked for in the bytes, not in the values: the "config" beside it is an object that the pickle machine refuses.
  constexpr std::string_view kEngine =
      "X\x06\x00\x00\x00"
      "engine"sv;
  constexpr std::size_t kFirst = 256;
  const std::string_view text = text_of(pickle);
  return text.substr(0, kFirst).find(kEngine) != std::string_view::npos &&
         text.find(".weight") == std::string_view::npos;
}

void refuse_foreign_file(std::span<const std::byte> bytes, const std::filesystem::path& path) {
  const std::string_view text = text_of(bytes);
  if (text.empty()) refuse(path, "empty", "download or build it again");
  if (text.starts_with("GGUF"))
    refuse(path, "a GGUF file, which this program does not read", "get the model as safetensors");
  constexpr std::string_view kLegacyMagic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;
  if (text.starts_with(kLegacyMagic))
    refuse(path, "a PyTorch checkpoint in the format of before PyTorch 1.6", kToSafetensors);
  constexpr std::size_t kTarMagic = 257;
  if (text.size() > kTarMagic && text.substr(kTarMagic).starts_with("ustar")) {
    refuse(path, "a tar archive: a PyTorch checkpoint in the format of before PyTorch 0.4, or something else",
           kToSafetensors);
  }
  if (text.starts_with("\x80")) refuse(path, "a bare Python pickle, which may be any program", kToSafetensors);
  refuse_text(text, path);
}

void throw_unknown_file(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".engine" || extension == ".plan" || extension == ".trt") {
    refuse(path, "not an engine file of ours (it may be a TensorRT plan, which this program cannot run)",
           "`comfystream engine build --checkpoint <the model it was made from> -o <file>` makes one of ours");
  }
  if (extension == ".onnx")
    refuse(path, "an ONNX model, which this program does not read", "give the model's weights as safetensors");
  refuse(path, "not a model file that this program knows",
         "give a safetensors file, or a PyTorch checkpoint (.pth, .ckpt)");
}

}  // namespace comfystream::weights
