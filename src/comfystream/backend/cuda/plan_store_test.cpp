// SPDX-License-Identifier: Apache-2.0
#include "comfystream/backend/cuda/plan_store.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace comfystream::backend::cuda {
namespace {

class PlanStoreTest : public testing::Test {
 protected:
  PlanStoreTest()
      : folder_(std::filesystem::temp_directory_path() / ("comfystream-plans-" + std::to_string(getpid()))) {}
  ~PlanStoreTest() override { std::filesystem::remove_all(folder_); }

  void store_two() {
    PlanStore store(folder_, "a card");
    store.insert("one", {1, 2, 3});
    store.insert("two", PlanStore::Bytes(1000, 7));
    store.save();
  }

  void change_byte(std::streamoff from_end) {
    std::fstream file(folder_ / "a_card.plans", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-from_end, std::ios::end);
    file.put('\x55');
  }

  std::filesystem::path folder_;
};

TEST_F(PlanStoreTest, FindsWhatAnotherRunStored) {
  store_two();
  const PlanStore store(folder_, "a card");
  EXPECT_EQ(store.find("one"), (PlanStore::Bytes{1, 2, 3}));
  EXPECT_EQ(store.find("two"), PlanStore::Bytes(1000, 7));
  EXPECT_EQ(store.find("three"), std::nullopt);
  EXPECT_EQ(PlanStore(folder_, "another card").find("one"), std::nullopt);
}

TEST_F(PlanStoreTest, DoesNotFindADamagedBlobButTheOthers) {
  store_two();
  change_byte(10);
  const PlanStore store(folder_, "a card");
  EXPECT_EQ(store.find("one"), (PlanStore::Bytes{1, 2, 3}));
  EXPECT_EQ(store.find("two"), std::nullopt);
}

TEST_F(PlanStoreTest, TakesAFileThatEndsEarlyForWhatIsWhole) {
  store_two();
  const auto file = folder_ / "a_card.plans";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 500);
  const PlanStore store(folder_, "a card");
  EXPECT_EQ(store.find("one"), (PlanStore::Bytes{1, 2, 3}));
  EXPECT_EQ(store.find("two"), std::nullopt);
}

TEST_F(PlanStoreTest, KeepsNothingWithoutAFolder) {
  PlanStore store({}, "a card");
  store.insert("one", {1});
  store.save();
  EXPECT_EQ(store.find("one"), PlanStore::Bytes{1});
}

}  // namespace
}  // namespace comfystream::backend::cuda
