// SPDX-License-Identifier: Apache-2.0
#include "comfystream/workflow/model_store.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/engine/engine.hpp"
#include "comfystream/models/weights/key_maps.hpp"
#include "comfystream/workflow/missing_file.hpp"
#include "comfystream/workflow/pixel_space_vae.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

namespace comfystream::workflow {
namespace {

namespace fs = std::filesystem;

/// Says which contents of which file: another size or time of change means that the file was replaced.
std::string identity_of(const fs::path& path) {
  std::error_code none;
  const auto size = fs::file_size(path, none);
  const auto changed = fs::last_write_time(path, none).time_since_epoch().count();
  return path.string() + "|" + std::to_string(size) + "|" + std::to_string(changed);
}

std::int64_t bytes_of(const weights::WeightMap& map) {
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : map.tensors()) bytes += static_cast<std::int64_t>(tensor.size_bytes());
  return bytes;
}

std::string mebibytes(std::int64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

bool is_tiny_vae(const weights::WeightMap& file) {
  return file.contains("decoder.layers.0.weight") || file.contains("encoder.layers.0.weight");
}

}  // namespace

struct ModelStore::Impl {
  Impl(ModelFolders model_folders, fs::path clip_vocabulary, std::shared_ptr<Log> to)
      : folders(std::move(model_folders)), vocabulary(std::move(clip_vocabulary)), log(std::move(to)) {}

  const ModelFolders folders;
  const fs::path vocabulary;
  const std::shared_ptr<Log> log;

  const std::shared_ptr<models::ResizeTables> tables = std::make_shared<models::ResizeTables>();

  std::mutex mutex;  ///< guards all below; held while loading, so that nothing is loaded twice
  std::chrono::nanoseconds load_time{0};
  std::map<std::string, weights::WeightMap> files;
  std::map<std::string, engine::Engine> engines;
  std::map<std::string, CheckpointValue> checkpoints;
  std::map<std::string, std::shared_ptr<const models::UNet>> unets;
  std::map<std::string, std::shared_ptr<const models::ClipText>> clips;
  std::map<std::string, std::shared_ptr<const models::ControlNet>> controlnets;
  std::map<std::string, std::shared_ptr<const models::Vae>> vaes;
  std::map<std::string, std::shared_ptr<const models::DepthAnything>> depths;
  std::map<std::int64_t, std::shared_ptr<const models::ClipTokenizer>> tokenizers;

  /// Runs `load` alone and counts its time.
  template <typename Load>
  auto guarded(const Load& load) {
    const std::lock_guard lock(mutex);
    struct Timer {
      explicit Timer(std::chrono::nanoseconds& sum) : total(sum) {}
      ~Timer() { total += std::chrono::steady_clock::now() - start; }
      Timer(const Timer&) = delete;
      Timer& operator=(const Timer&) = delete;
      std::chrono::nanoseconds& total;
      std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    } const timer(load_time);
    return load();
  }

  template <typename T, typename Key, typename Make>
  static const T& once(std::map<Key, T>& known, const Key& key, const Make& make) {
    const auto found = known.find(key);
    return found != known.end() ? found->second : known.emplace(key, make()).first->second;
  }

  const weights::WeightMap& file(const fs::path& path) {
    return once(files, identity_of(path), [&] {
      auto map = weights::load_weights(path);
      log_info(*log, "model file " + path.string() + ": " + mebibytes(bytes_of(map)));
      return map;
    });
  }

  /// The engine of that name, of the kind that its node runs.
  const engine::Engine& engine_file(std::string_view folder, const std::string& name, engine::EngineKind kind) {
    const fs::path path = engine_path(folder, name);
    const engine::Engine& found = once(engines, identity_of(path), [&] {
      auto loaded = engine::load_engine(path, engine_sources(folders));
      log_info(*log, "engine " + path.string() + ": " + mebibytes(bytes_of(loaded.weights)) + ", made from " +
                         loaded.info.source_file);
      return loaded;
    });
    if (found.info.kind != kind) {
      throw Error(ErrorCode::kInvalidArgument,
                  "the engine '" + name + "' is of a " + std::string(to_string(found.info.kind)) +
                      " network, and this node runs those of a " + std::string(to_string(kind)) + " network",
                  "choose another engine");
    }
    return found;
  }

  /// Where the engine is, or where it would be: load_engine() tells best how to build one that is missing.
  [[nodiscard]] fs::path engine_path(std::string_view folder, const std::string& name) const {
    try {
      return folders.resolve(folder, name);
    } catch (const Error& error) {
      const auto places = folders.places(folder);
      if (error.code() != ErrorCode::kNotFound || places.empty()) throw;
      return places.front() / name;
    }
  }

  CheckpointValue load_checkpoint(const std::string& name, const fs::path& path) {
    const weights::Checkpoint parts = weights::split_checkpoint(file(path));
    CheckpointValue value;
    value.model = {nullptr, name, path, std::nullopt};
    value.clip.name = value.vae.name = name;
    if (!parts.unet.tensors().empty()) value.model.unet = std::make_shared<models::UNet>(parts.unet);
    if (!parts.clip.tensors().empty()) value.clip.clip = std::make_shared<models::ClipText>(parts.clip);
    if (!parts.vae.tensors().empty()) value.vae.vae = models::make_autoencoder_kl(parts.vae);
    return value;
  }

  std::shared_ptr<const models::Vae> vae_file(const fs::path& path) {
    return once(vaes, identity_of(path), [&]() -> std::shared_ptr<const models::Vae> {
      const weights::WeightMap& map = file(path);
      if (is_tiny_vae(map)) return models::make_autoencoder_tiny(map, map);
      return models::make_autoencoder_kl(map);
    });
  }

  /// One half of a VAE that ComfyUI makes up from two files of vae_approx.
  fs::path tiny_half(const std::string& half) {
    for (const auto& name : folders.list("vae_approx")) {
      if (name.starts_with(half + ".")) return folders.resolve("vae_approx", name);
    }
    return folders.resolve("vae_approx", half + ".safetensors");  // says what is there
  }

  std::shared_ptr<const models::Vae> taesd() {
    const fs::path encoder = tiny_half("taesd_encoder");
    const fs::path decoder = tiny_half("taesd_decoder");
    return once(vaes, identity_of(encoder) + "+" + identity_of(decoder), [&]() -> std::shared_ptr<const models::Vae> {
      return models::make_autoencoder_tiny(file(encoder), file(decoder));
    });
  }
};

ModelStore::ModelStore(ModelFolders folders, fs::path vocabulary, std::shared_ptr<Log> log)
    : impl_(std::make_unique<Impl>(std::move(folders), std::move(vocabulary), std::move(log))) {}
ModelStore::~ModelStore() = default;

const ModelFolders& ModelStore::folders() const noexcept { return impl_->folders; }

CheckpointValue ModelStore::checkpoint(const std::string& name) {
  return impl_->guarded([&] {
    const fs::path path = impl_->folders.resolve("checkpoints", name);
    return Impl::once(impl_->checkpoints, identity_of(path), [&] { return impl_->load_checkpoint(name, path); });
  });
}

ModelValue ModelStore::unet(const std::string& name) {
  return impl_->guarded([&] {
    const fs::path path = impl_->folders.resolve("unet", name);
    const auto& unet = Impl::once(impl_->unets, identity_of(path), [&]() -> std::shared_ptr<const models::UNet> {
      return std::make_shared<models::UNet>(impl_->file(path));
    });
    return ModelValue{unet, name, path, std::nullopt};
  });
}

ModelValue ModelStore::engine(const std::string& name) {
  return impl_->guarded([&] {
    const auto& file = impl_->engine_file("tensorrt", name, engine::EngineKind::kUNet);
    const fs::path path = impl_->engine_path("tensorrt", name);
    const auto& unet = Impl::once(impl_->unets, identity_of(path), [&]() -> std::shared_ptr<const models::UNet> {
      return std::make_shared<models::UNet>(file.weights);
    });
    return ModelValue{unet, name, path, file.info.profile};
  });
}

DepthModel ModelStore::depth_engine(const std::string& name) {
  return impl_->guarded([&] {
    const auto& file = impl_->engine_file("depth-anything", name, engine::EngineKind::kDepthAnything);
    const auto& network = Impl::once(impl_->depths, identity_of(impl_->engine_path("depth-anything", name)),
                                     [&]() -> std::shared_ptr<const models::DepthAnything> {
                                       return std::make_shared<models::DepthAnything>(file.weights);
                                     });
    return DepthModel{network, name, file.info.profile, name.find("metric") != std::string::npos, impl_->tables};
  });
}

ClipValue ModelStore::clip(const std::string& name) {
  return impl_->guarded([&] {
    const fs::path path = impl_->folders.resolve("clip", name);
    const auto& clip = Impl::once(impl_->clips, identity_of(path), [&]() -> std::shared_ptr<const models::ClipText> {
      return std::make_shared<models::ClipText>(impl_->file(path));
    });
    return ClipValue{clip, name};
  });
}

ControlNetValue ModelStore::controlnet(const std::string& name) {
  return impl_->guarded([&] {
    const fs::path path = impl_->folders.resolve("controlnet", name);
    const auto& net =
        Impl::once(impl_->controlnets, identity_of(path), [&]() -> std::shared_ptr<const models::ControlNet> {
          return std::make_shared<models::ControlNet>(impl_->file(path));
        });
    return ControlNetValue{net, name};
  });
}

VaeValue ModelStore::vae(const std::string& name) {
  return impl_->guarded([&] {
    if (name == "pixel_space") {
      return VaeValue{Impl::once(impl_->vaes, name, [] { return make_pixel_space_vae(); }), name};
    }
    if (name == "taesd") return VaeValue{impl_->taesd(), name};
    if (name == "taesdxl" || name == "taesd3" || name == "taef1") {
      throw Error(ErrorCode::kUnsupported, "the VAE '" + name + "' is for latents of other models than SD 1.x",
                  "choose taesd");
    }
    return VaeValue{impl_->vae_file(impl_->folders.resolve("vae", name)), name};
  });
}

std::shared_ptr<const models::ClipTokenizer> ModelStore::tokenizer(std::int64_t size) {
  return impl_->guarded([&] {
    return Impl::once(impl_->tokenizers, size, [&]() -> std::shared_ptr<const models::ClipTokenizer> {
      return std::make_shared<models::ClipTokenizer>(impl_->vocabulary, size);
    });
  });
}

std::chrono::nanoseconds ModelStore::load_time() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->load_time;
}

std::int64_t ModelStore::mapped_bytes() const {
  const std::lock_guard lock(impl_->mutex);
  std::int64_t bytes = 0;
  for (const auto& [path, file] : impl_->files) bytes += bytes_of(file);
  for (const auto& [path, engine] : impl_->engines) bytes += bytes_of(engine.weights);
  return bytes;
}

void ModelStore::drop_pages() const {
  const std::lock_guard lock(impl_->mutex);
  for (const auto& [path, file] : impl_->files) file.drop_pages();
  for (const auto& [path, engine] : impl_->engines) engine.weights.drop_pages();
}

}  // namespace comfystream::workflow
