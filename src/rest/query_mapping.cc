#include "query_mapping.h"

#include "json.h"
#include "mapping.h"
#include "peerd/base/text.h"

namespace peerd::rest {
namespace {

using peerdb_flow::QRepConfig;

const std::string kPath = "qrep_config.";

struct Mode {
  peerdb_flow::QRepWriteType type;
  std::string_view word;
};
constexpr Mode kModes[] = {{peerdb_flow::QREP_WRITE_MODE_APPEND, "append"},
                           {peerdb_flow::QREP_WRITE_MODE_UPSERT, "upsert"},
                           {peerdb_flow::QREP_WRITE_MODE_OVERWRITE, "overwrite"}};

void take_mode(const QRepConfig& config, RawOptions& options) {
  if (!config.has_write_mode())
    refuse_field(kPath + "write_mode", "no write mode provided", "send {\"write_type\": \"QREP_WRITE_MODE_APPEND\"}");
  for (const Mode& mode : kModes)
    if (mode.type == config.write_mode().write_type()) options["mode"] = {RawOption::Kind::text, std::string(mode.word)};
  if (!options.contains("mode"))
    refuse_field(kPath + "write_mode.write_type", "no mode has that number", "QREP_WRITE_MODE_APPEND, _UPSERT or _OVERWRITE");
  const auto& keys = config.write_mode().upsert_key_columns();
  if (!keys.empty()) options["unique_key_columns"] = {RawOption::Kind::text, join({keys.begin(), keys.end()}, ",")};
}

/// Fields by the names of SQL's options; empty texts, zeros and false mean "not given", as in PeerDB.
void take_fields(const QRepConfig& config, RawOptions& options) {
  const auto text = [&](const char* option, const std::string& value) {
    if (!value.empty()) options[option] = {RawOption::Kind::text, value};
  };
  const auto number = [&](const char* option, std::uint32_t value) {
    if (value != 0) options[option] = {RawOption::Kind::number, std::to_string(value)};
  };
  const auto truth = [&](const char* option, bool value) {
    if (value) options[option] = {RawOption::Kind::boolean, "true"};
  };
  text("destination_table_name", config.destination_table_identifier());
  text("watermark_table_name", config.watermark_table());
  text("watermark_column", config.watermark_column());
  number("parallelism", config.max_parallel_workers());
  number("refresh_interval", config.wait_between_batches_seconds());
  number("num_rows_per_partition", config.num_rows_per_partition());
  number("num_partitions_override", config.num_partitions_override());
  truth("initial_copy_only", config.initial_copy_only());
  truth("setup_watermark_table_on_destination", config.setup_watermark_table_on_destination());
  truth("dst_table_full_resync", config.dst_table_full_resync());
  truth("add_null_partition", config.add_null_partition());
  text("staging_path", config.staging_path());
  text("synced_at_col_name", config.synced_at_col_name());
  text("soft_delete_col_name", config.soft_delete_col_name());
  text("script", config.script());
  text("snapshot_name", config.snapshot_name());
  text("parent_mirror_name", config.parent_mirror_name());
  text("on_unfit_value", config.on_unfit_value());
  if (config.system() != peerdb_flow::Q) text("system", peerdb_flow::TypeSystem_Name(config.system()));
}

}  // namespace

MirrorRequest query_request(const QRepConfig& config) {
  MirrorRequest request;
  request.name = config.flow_job_name();
  request.source = config.source_name();
  request.target = config.destination_name();
  request.query = config.query();
  if (request.name.empty()) refuse_field(kPath + "flow_job_name", "no mirror name provided");
  if (request.source.empty()) refuse_field(kPath + "source_name", "no source peer provided");
  if (request.target.empty()) refuse_field(kPath + "destination_name", "no destination peer provided");
  if (config.query().empty()) refuse_field(kPath + "query", "no query provided");
  if (config.exclude_size() > 0 || config.columns_size() > 0) {
    refuse_field(kPath + (config.exclude_size() > 0 ? "exclude" : "columns"), "a query says itself which columns there are",
                 "leave the column out of the query, or give it another name and type there");
  }
  check_mirror_settings(config.env(), kPath + "env.");
  take_fields(config, request.options);
  take_mode(config, request.options);
  return request;
}

void fill_query(const MirrorSpec& spec, QRepConfig& config) {
  const auto number = [&](const char* option) { return static_cast<std::uint32_t>(spec.integer(option)); };
  config.set_flow_job_name(spec.name);
  config.set_source_name(spec.source);
  config.set_destination_name(spec.target);
  config.set_query(spec.query);
  config.set_destination_table_identifier(spec.text("destination_table_name"));
  config.set_watermark_table(spec.text("watermark_table_name"));
  config.set_watermark_column(spec.text("watermark_column"));
  config.set_max_parallel_workers(number("parallelism"));
  config.set_wait_between_batches_seconds(number("refresh_interval"));
  config.set_num_rows_per_partition(number("num_rows_per_partition"));
  config.set_initial_copy_only(spec.boolean("initial_copy_only"));
  config.set_synced_at_col_name(spec.text("synced_at_col_name"));
  for (const Mode& mode : kModes)
    if (mode.word == spec.text("mode")) config.mutable_write_mode()->set_write_type(mode.type);
  for (const std::string& key : spec.unique_keys()) config.mutable_write_mode()->add_upsert_key_columns(key);
  if (const auto unfit = spec.options.find("on_unfit_value"); unfit != spec.options.end()) config.set_on_unfit_value(unfit->second);
}

}  // namespace peerd::rest
