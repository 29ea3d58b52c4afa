#include "postgres/source_names.h"

#include <algorithm>

#include "peerd/base/text.h"

namespace peerd {
namespace {

std::string given(const MirrorSpec& mirror, std::string_view option) {
  const auto found = mirror.options.find(option);
  return found == mirror.options.end() ? std::string() : found->second;
}

std::string short_id(std::string_view uuid, std::size_t length) {
  std::string id = to_lower(uuid);
  std::erase(id, '-');
  return id.substr(0, length);
}

}  // namespace

std::string SourceNames::application_name(std::string_view role) const {
  return "peerd " + short_id(uuid, 8) + " " + std::string(role) + " " + mirror;
}

bool SourceNames::is_ours(std::string_view application_name) const {
  return application_name.starts_with("peerd " + short_id(uuid, 8) + " ");
}

SourceNames source_names(const MirrorSpec& mirror, const Lease& lease) {
  SourceNames names;
  names.mirror = mirror.name;
  names.uuid = lease.uuid;
  names.slot = given(mirror, "replication_slot_name");
  names.publication = given(mirror, "publication_name");
  names.own_slot = names.slot.empty();
  names.own_publication = names.publication.empty();
  names.message_prefixes = mirror.message_prefixes();
  const std::string made = "peerd_" + short_id(lease.uuid, 24);
  if (names.own_slot) names.slot = made;
  if (names.own_publication) names.publication = made;
  for (const TableMapping& table : mirror.tables) {
    names.tables.push_back({postgres::parse_qualified(table.source), table.target, table.exclude});
  }
  return names;
}

}  // namespace peerd
