// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/model_folders.hpp"

#include "comfystream/core/edit_distance.hpp"
#include "comfystream/error.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <span>
#include <system_error>
#include <utility>

namespace comfystream::workflow {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 8> kModelEndings{".safetensors", ".sft", ".ckpt", ".pt",
                                                        ".pt2",         ".bin", ".pth",  ".pkl"};
constexpr std::array<std::string_view, 1> kEngineEndings{".engine"};
constexpr std::array<std::string_view, 8> kPictureEndings{".png", ".jpg", ".jpeg", ".bmp",
                                                          ".gif", ".tga", ".ppm",  ".pgm"};
/// VAEs that ComfyUI lists when both of their halves are in vae_approx.
constexpr std::array<std::string_view, 4> kTinyVaes{"taesd", "taesdxl", "taesd3", "taef1"};
constexpr std::size_t kNamesInErrors = 5;

bool is_engine_folder(std::string_view folder) { return folder == "tensorrt" || folder == "depth-anything"; }

std::span<const std::string_view> endings(std::string_view folder) {
  if (is_engine_folder(folder)) return kEngineEndings;
  if (folder == "input") return kPictureEndings;
  return kModelEndings;
}

bool has_ending(const fs::path& file, std::span<const std::string_view> wanted) {
  std::string ending = file.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::find(wanted, ending) != wanted.end();
}

/// Folders directly below `place`, sorted.
std::vector<fs::path> subfolders(const fs::path& place) {
  std::vector<fs::path> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(place, none)) {
    if (entry.is_directory(none)) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

/// Calls `take` with the files of `place`, below it where `deep`. Folders that cannot be read have none.
template <typename Take>
void for_each_file(const fs::path& place, bool deep, const Take& take) {
  std::error_code none;
  const auto options = fs::directory_options::follow_directory_symlink | fs::directory_options::skip_permission_denied;
  auto it = fs::recursive_directory_iterator(place, options, none);
  constexpr int kDeepest = 16;  // links may lead in circles
  while (!none && it != fs::recursive_directory_iterator()) {
    if (!deep || it.depth() >= kDeepest) it.disable_recursion_pending();
    std::error_code unreadable;
    if (it->is_regular_file(unreadable)) take(it->path());
    it.increment(none);
  }
}

bool has_half(const std::vector<std::string>& approximations, const std::string& half) {
  return std::ranges::any_of(approximations, [&](const std::string& name) { return name.starts_with(half + "."); });
}

void check_inside(std::string_view folder, const std::string& name) {
  const fs::path path(name);
  const bool climbs = std::ranges::find(path, fs::path("..")) != path.end();
  if (!name.empty() && !climbs && !path.is_absolute() && !path.has_root_name() && name.find('\0') == name.npos) return;
  throw Error(ErrorCode::kInvalidArgument,
              "'" + name + "' is not the name of a file in the folder '" + std::string(folder) + "'",
              "give a name relative to that folder");
}

std::string nearest_names(std::vector<std::string> names, const std::string& wanted) {
  if (names.empty()) return "which has no such files";
  std::ranges::stable_sort(names, {}, [&](const std::string& name) { return edit_distance(name, wanted); });
  std::string text = "which has ";
  for (std::size_t i = 0; i < std::min(names.size(), kNamesInErrors); ++i) {
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  }
  if (names.size() > kNamesInErrors) text += " and " + std::to_string(names.size() - kNamesInErrors) + " more";
  return text;
}

}  // namespace

ModelFolders::ModelFolders(fs::path root, fs::path input) : root_(std::move(root)), input_(std::move(input)) {
  std::error_code none;
  if (!root_.empty() && fs::is_directory(root_ / "models", none)) root_ /= "models";
  // A trailing slash would make the folder its own parent.
  if (!root_.has_filename()) root_ = root_.parent_path();
}

std::vector<fs::path> ModelFolders::places(std::string_view folder) const {
  std::vector<fs::path> found;
  if (folder == "input") {
    if (!root_.empty()) found.push_back(root_.parent_path() / "input");
    if (!input_.empty()) found.push_back(input_);
    return found;
  }
  if (root_.empty()) return found;
  if (folder == "depth-anything") return {root_ / "tensorrt" / "depth-anything"};
  found.push_back(root_ / folder);
  if (folder == "unet") found.push_back(root_ / "diffusion_models");
  if (folder == "clip") found.push_back(root_ / "text_encoders");
  if (folder == "tensorrt") {
    found.push_back(root_.parent_path() / "output" / "tensorrt");
    for (auto& below : subfolders(root_ / "tensorrt")) found.push_back(std::move(below));
  }
  return found;
}

std::vector<std::string> ModelFolders::list(std::string_view folder) const {
  std::set<fs::path> seen;  // a file that two places hold is listed once, by the first one's name for it
  std::set<std::string> names;
  for (const auto& place : places(folder)) {
    for_each_file(place, folder != "input", [&](const fs::path& file) {
      if (!has_ending(file, endings(folder)) || !seen.insert(file).second) return;
      names.insert(file.lexically_relative(place).generic_string());
    });
  }
  if (folder == "vae") {
    const auto approximations = list("vae_approx");
    for (const auto vae : kTinyVaes) {
      const std::string name(vae);
      if (has_half(approximations, name + "_encoder") && has_half(approximations, name + "_decoder")) {
        names.insert(name);
      }
    }
    names.insert("pixel_space");
  }
  return {names.begin(), names.end()};
}

fs::path ModelFolders::resolve(std::string_view folder, const std::string& name) const {
  check_inside(folder, name);
  const auto candidates = places(folder);
  std::error_code none;
  for (const auto& place : candidates) {
    if (fs::is_regular_file(place / name, none)) return place / name;
  }
  if (candidates.empty()) {
    throw Error(ErrorCode::kNotFound,
                "'" + name + "' is looked for in the models folder '" + std::string(folder) + "', and there is none",
                "give ComfyUI's models folder with --models");
  }
  throw Error(ErrorCode::kNotFound,
              "there is no '" + name + "' in " + candidates.front().string() + ", " + nearest_names(list(folder), name),
              "put the file there, or choose one of those");
}

}  // namespace comfystream::workflow
