#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "peerd/catalog/catalog.h"
#include "support/error_of.h"

namespace peerd {

inline constexpr Option kTestOptions[] = {
    {"host", OptionType::text, "localhost", Required::no, Secret::no, ""},
    {"port", OptionType::integer, "5432", Required::no, Secret::no, "", 1, 65535},
    {"password", OptionType::text, "", Required::no, Secret::yes, ""},
};
inline constexpr OptionTable kTestTable{"POSTGRES peer", kTestOptions};

inline const char* const kKeyA = "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
inline const char* const kKeyB = "b:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

inline bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// A catalog in a directory of its own; reopen() is what a restart of the process does.
class CatalogTest : public testing::Test {
 protected:
  CatalogTest() {
    std::string name = "/tmp/peerd-catalog-XXXXXX";
    directory_ = mkdtemp(name.data());
    path_ = directory_ + "/catalog.db";
  }
  ~CatalogTest() override {
    catalog_.reset();
    std::filesystem::remove_all(directory_);
  }

  static std::unique_ptr<Catalog> open(const std::string& path, const std::string& keys = kKeyA) {
    const auto tables = [](std::string_view kind) { return kind == "POSTGRES" ? &kTestTable : nullptr; };
    return Catalog::open("sqlite:" + path, SecretBox::from_text(keys), tables);
  }
  Catalog& catalog() {
    if (!catalog_) catalog_ = open(path_);
    return *catalog_;
  }
  Catalog& reopen(const std::string& keys = kKeyA) {
    catalog_.reset();
    catalog_ = open(path_, keys);
    return *catalog_;
  }

  static PeerSpec peer(const std::string& name, const std::string& host = "h1") {
    return {name, "POSTGRES", {{"host", host}, {"password", "wonderland"}}};
  }
  static MirrorSpec mirror(const std::string& name) {
    return {name, "src", "dst", {{"public.t", "t", {"secret"}}, {"public.u", "u", {}}}, {{"max_batch_size", "5000"}}};
  }
  /// Both peers and a mirror under a first lease.
  Lease made(const std::string& name = "m") {
    catalog().put_peer(peer("src"), Replace::no);
    catalog().put_peer(peer("dst"), Replace::no);
    catalog().put_mirror(mirror(name));
    return catalog().lease(catalog().mirror(name)->id, "me", std::chrono::hours(1)).value();
  }
  static MirrorTable table(std::uint32_t oid, const std::string& name, Lsn start) {
    MirrorTable table;
    table.schema.id = TableId{oid};
    table.schema.schema = "public";
    table.schema.name = name;
    table.schema.columns = {{.name = "id",
                             .type_oid = 23,
                             .type_modifier = -1,
                             .type_name = "integer",
                             .in_key = true,
                             .nullable = false,
                             .missing_value = {}},
                            {.name = "näme",
                             .type_oid = 1043,
                             .type_modifier = 24,
                             .type_name = "character varying(20)",
                             .in_key = false,
                             .nullable = true,
                             .missing_value = "it's \"new\"\n"}};
    table.schema.key = {0};
    table.schema.identity = ReplicaIdentity::index;
    table.target_name = name;
    table.start = start;
    return table;
  }
  static std::vector<Chunk> chunks_of(const MirrorTable& table, std::uint32_t count) {
    std::vector<Chunk> chunks;
    for (std::uint32_t i = 0; i < count; ++i)
      chunks.push_back(
          {table.schema.id, table.start, i, 99, i * 10ull, i + 1 == count ? Chunk::kNoEndBlock : (i + 1) * 10ull});
    return chunks;
  }
  std::size_t done_chunks(MirrorId mirror) {
    std::size_t done = 0;
    for (const ChunkRecord& record : catalog().chunks(mirror)) done += record.done;
    return done;
  }

  std::string directory_, path_;
  std::unique_ptr<Catalog> catalog_;
};

}  // namespace peerd
