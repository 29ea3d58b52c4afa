#include "peerd/changes/horizon.h"

#include <algorithm>
#include <cstring>

namespace peerd {
namespace {

// FNV's prime and offset, eight bytes a step; the shift brings the high bits down, which multiplying never does.
constexpr std::uint64_t kOffset = 0xcbf29ce484222325, kPrime = 0x9e3779b97f4a7c15;

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * kPrime;
  return hash ^ hash >> 32;
}

std::uint64_t mixed(std::uint64_t hash, std::string_view bytes) {
  while (bytes.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    hash = mixed(hash, word);
    bytes.remove_prefix(sizeof word);
  }
  std::uint64_t rest = 0;
  if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
  return mixed(hash, rest);
}

}  // namespace

std::uint64_t hash_key(TableId table, std::span<const CellView> key) {
  std::uint64_t hash = mixed(kOffset, table.oid);
  // The length goes in first: ("a", "bc") is not ("ab", "c").
  for (const CellView& cell : key)
    hash = mixed(mixed(hash, cell.bytes.size() << 2 | static_cast<unsigned>(cell.kind)), cell.bytes);
  return hash;
}

void Horizons::raise(TableId table, Lsn to) {
  Lsn& horizon = tables_[table];
  horizon = std::max(horizon, to);
  highest_ = std::max(highest_, to);
}

void Horizons::raise_key(TableId table, std::span<const CellView> key, Lsn to) {
  KeyHorizon& horizon = keys_[hash_key(table, key)];
  // Another table's key may have this hash: the entry then stands for the one of both that was raised last, and the other
  // keeps its horizon as a whole.
  if (horizon.to.value != 0 && horizon.table != table) raise(horizon.table, horizon.to);
  horizon.table = table;
  horizon.to = std::max(horizon.to, to);
  highest_ = std::max(highest_, to);
  if (keys_.size() <= kMostKeys) return;
  for (const auto& [_, of] : keys_) raise(of.table, of.to);
  keys_.clear();
}

bool Horizons::below(TableId table, Lsn commit) const {
  const auto at = tables_.find(table);
  return at != tables_.end() && commit <= at->second;
}

bool Horizons::below(TableId table, std::span<const CellView> key, Lsn commit) const {
  if (below(table, commit)) return true;
  if (keys_.empty()) return false;
  const auto at = keys_.find(hash_key(table, key));
  return at != keys_.end() && commit <= at->second.to;
}

void Horizons::passed(Lsn durable) {
  std::erase_if(keys_, [&](const auto& entry) { return entry.second.to <= durable; });
}

}  // namespace peerd
