// The only file that names concrete sources, targets and catalogs.
#include "wiring.h"

#include "peerd/postgres/connection.h"
#include "peerd/sources/postgres_source.h"
#include "peerd/targets/clickhouse_target.h"
#include "peerd/targets/kafka_target.h"
#include "peerd/targets/postgres_target.h"

namespace peerd::daemon {

Connectors make_connectors() {
  return Connectors({
      {.kind = "POSTGRES",
       .proto_number = 3,
       .options = &postgres::peer_options(),
       .session = make_postgres_session,
       .source = postgres_sources(),
       .target = make_postgres_target,
       .query_source = make_postgres_query_source,
       .takes_append = true,
       .takes_upsert = true,
       .takes_overwrite = true,
       .table_key = [](const PeerSpec&, std::string_view table) { return postgres::parse_qualified(table).quoted(); },
       .settings = MappingSettings::names},
      {.kind = "CLICKHOUSE",
       .proto_number = 8,
       .options = &clickhouse_options(),
       .session = make_clickhouse_session,
       .source = nullptr,
       .target = make_clickhouse_target,
       .takes_append = true,
       .takes_upsert = true,
       .takes_overwrite = true,
       .mirror_options = &clickhouse_mirror_options(),
       .settings = MappingSettings::all,
       .engine = "ReplacingMergeTree"},
      {.kind = "KAFKA",
       .proto_number = 9,
       .options = &kafka_options(),
       .session = make_kafka_session,
       .source = nullptr,
       .target = make_kafka_target,
       .no_query = "mirrors of queries to KAFKA are not supported yet",
       .table_key = kafka_topic,
       .mirror_options = &kafka_mirror_options(),
       .settings = MappingSettings::names},
  });
}

std::unique_ptr<Catalog> open_catalog(const std::string& url, SecretBox secrets, const Connectors& connectors) {
  return Catalog::open(url, std::move(secrets), [&connectors](std::string_view kind) -> const OptionTable* {
    const Connector* connector = connectors.find(kind);
    return connector == nullptr ? nullptr : connector->options;
  });
}

}  // namespace peerd::daemon
