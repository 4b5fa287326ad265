// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace comfystream::workflow {

/// Where model files and pictures are: ComfyUI's folder layout.
///
/// `root` is ComfyUI's models folder or the folder above it (told by looking). Folder names may stand for several
/// places: "unet" also diffusion_models, "clip" also text_encoders, "tensorrt" also tensorrt/* and ../output/tensorrt,
/// "depth-anything" is tensorrt/depth-anything; "input" is ComfyUI's input folder beside models, then `input` when
/// given. Reads the disk on every call; safe from any thread.
class ModelFolders {
 public:
  ModelFolders() = default;  ///< no folder at all: every list is empty
  explicit ModelFolders(std::filesystem::path root, std::filesystem::path input = {});

  [[nodiscard]] const std::filesystem::path& root() const noexcept { return root_; }
  /// The places that a folder name stands for, existing or not; the first is where new files go.
  [[nodiscard]] std::vector<std::filesystem::path> places(std::string_view folder) const;
  /// Names relative to their place, '/' between parts, sorted: what ComfyUI's combo boxes list. "vae" holds also
  /// "taesd" (and the like) when both halves are in vae_approx, and "pixel_space".
  [[nodiscard]] std::vector<std::string> list(std::string_view folder) const;
  /// The file of that name. Error(kNotFound) with the folder, the names that are there (nearest first), and what to do.
  /// Names that leave the folder ("../x") are Errors(kInvalidArgument).
  [[nodiscard]] std::filesystem::path resolve(std::string_view folder, const std::string& name) const;

 private:
  std::filesystem::path root_;
  std::filesystem::path input_;
};

}  // namespace comfystream::workflow
