#include "mapping.h"

#include <charconv>

#include "peerd/base/text.h"
#include "peerd/specs/peerdb_options.h"
#include "peerd/specs/table_pattern.h"

namespace peerd::rest {
namespace {

namespace pb = google::protobuf;
using Cpp = pb::FieldDescriptor;

constexpr std::string_view kMasked = "********";

[[noreturn]] void refuse(ErrorCode code, std::string field, std::string message, std::string hint = {}) {
  throw Error(
      ErrorText{.code = code, .message = std::move(message), .hint = std::move(hint), .field = std::move(field)});
}

bool is_number(const Cpp& field) {
  switch (field.cpp_type()) {
    case Cpp::CPPTYPE_INT32:
    case Cpp::CPPTYPE_INT64:
    case Cpp::CPPTYPE_UINT32:
    case Cpp::CPPTYPE_UINT64:
      return true;
    default:
      return false;
  }
}

/// One set scalar field as the literal that an operator would have written; nullopt for messages and lists.
std::optional<RawOption> literal(const pb::Message& message, const Cpp& field) {
  const auto& reflection = *message.GetReflection();
  if (field.is_repeated()) return std::nullopt;
  switch (field.cpp_type()) {
    case Cpp::CPPTYPE_INT32:
      return RawOption{RawOption::Kind::number, std::to_string(reflection.GetInt32(message, &field))};
    case Cpp::CPPTYPE_INT64:
      return RawOption{RawOption::Kind::number, std::to_string(reflection.GetInt64(message, &field))};
    case Cpp::CPPTYPE_UINT32:
      return RawOption{RawOption::Kind::number, std::to_string(reflection.GetUInt32(message, &field))};
    case Cpp::CPPTYPE_UINT64:
      return RawOption{RawOption::Kind::number, std::to_string(reflection.GetUInt64(message, &field))};
    case Cpp::CPPTYPE_BOOL:
      return RawOption{RawOption::Kind::boolean, reflection.GetBool(message, &field) ? "true" : "false"};
    case Cpp::CPPTYPE_STRING:
      return RawOption{RawOption::Kind::text, reflection.GetString(message, &field)};
    case Cpp::CPPTYPE_ENUM:
      return RawOption{RawOption::Kind::text, reflection.GetEnum(message, &field)->name()};
    default:
      return std::nullopt;
  }
}

/// A client that sends every field sends unused ones so.
bool is_default(const RawOption& value, const Cpp& field) {
  if (field.cpp_type() == Cpp::CPPTYPE_ENUM) return value.text == field.enum_type()->value(0)->name();
  return value.text.empty() || value.text == "0" || value.text == "false";
}

/// A message in which nothing is said.
bool is_empty(const pb::Message& message) {
  std::vector<const Cpp*> fields;
  message.GetReflection()->ListFields(message, &fields);
  return std::all_of(fields.begin(), fields.end(), [&](const Cpp* field) {
    const auto value = literal(message, *field);
    return value && is_default(*value, *field);
  });
}

bool is_empty_message(const pb::Message& message, const Cpp& field) {
  return !field.is_repeated() && field.cpp_type() == Cpp::CPPTYPE_MESSAGE &&
         is_empty(message.GetReflection()->GetMessage(message, &field));
}

/// Fields from 100 on are peerd's own: an option that only some kind of target has is control's to check.
bool knows(const OptionTable& table, const Cpp& field) {
  constexpr int kOwn = 100;
  return field.number() >= kOwn || find_option(table, field.name()) != nullptr;
}

/// A list of texts as one option, with commas; a map as one option for each of its entries, "field.key".
bool take_many(const pb::Message& message, const Cpp& field, RawOptions& options) {
  const auto& reflection = *message.GetReflection();
  if (field.is_map() && field.message_type()->map_value()->cpp_type() == Cpp::CPPTYPE_STRING) {
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      const auto& entry = reflection.GetRepeatedMessage(message, &field, i);
      const auto& type = *field.message_type();
      const std::string key = entry.GetReflection()->GetString(entry, type.map_key());
      options.emplace(field.name() + "." + key,
                      RawOption{RawOption::Kind::text, entry.GetReflection()->GetString(entry, type.map_value())});
    }
    return true;
  }
  if (!field.is_repeated() || field.cpp_type() != Cpp::CPPTYPE_STRING) return false;
  std::vector<std::string> parts;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i)
    parts.push_back(reflection.GetRepeatedString(message, &field, i));
  options.emplace(field.name(), RawOption{RawOption::Kind::text, join(parts, ",")});
  return true;
}

/// A message whose fields are options of their own, "field.inner".
bool take_group(const pb::Message& message, const Cpp& field, const OptionTable& table, RawOptions& options) {
  if (field.is_repeated() || field.cpp_type() != Cpp::CPPTYPE_MESSAGE) return false;
  const pb::Message& group = message.GetReflection()->GetMessage(message, &field);
  std::vector<const Cpp*> fields;
  group.GetReflection()->ListFields(group, &fields);
  for (const Cpp* inner : fields) {
    const std::string name = field.name() + "." + inner->name();
    const auto value = literal(group, *inner);
    if (!value || find_option(table, name) == nullptr) return false;
    if (!is_default(*value, *inner)) options.emplace(name, *value);
  }
  return true;
}

/// Set fields of `message` as options. Those that `table` does not know are dropped while they hold their default, left to
/// control where they are among `others`, and refused otherwise; a number of 0 means "not given", as in PeerDB.
RawOptions options_of(const pb::Message& message, const OptionTable& table, std::span<const PeerdbOption> others,
                      const std::string& path, std::initializer_list<std::string_view> not_options) {
  RawOptions options;
  std::vector<const Cpp*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const auto* field : fields) {
    const std::string& name = field->name();
    if (std::find(not_options.begin(), not_options.end(), name) != not_options.end()) continue;
    if (knows(table, *field) && take_many(message, *field, options)) continue;
    const auto value = literal(message, *field);
    if (is_empty_message(message, *field) || take_group(message, *field, table, options)) continue;
    if (value && is_default(*value, *field) && (is_number(*field) || !knows(table, *field))) continue;
    const PeerdbOption* other = find_peerdb_option(others, name);
    if (!value || !(other || knows(table, *field))) {
      refuse(ErrorCode::not_supported, path + name, "\"" + name + "\" is not supported by a " + std::string(table.what),
             other ? std::string(other->instead) : "leave " + path + name + " out");
    }
    options.emplace(name, *value);
  }
  return options;
}

void set_field(pb::Message& message, const std::string& name, const std::string& text) {
  const auto& reflection = *message.GetReflection();
  if (const std::size_t dot = name.find('.'); dot != std::string::npos) {
    const auto* map = message.GetDescriptor()->FindFieldByName(name.substr(0, dot));
    if (!map || map->is_repeated() != map->is_map() || !map->message_type()) return;
    if (!map->is_map()) return set_field(*reflection.MutableMessage(&message, map), name.substr(dot + 1), text);
    auto& entry = *reflection.AddMessage(&message, map);
    entry.GetReflection()->SetString(&entry, map->message_type()->map_key(), name.substr(dot + 1));
    entry.GetReflection()->SetString(&entry, map->message_type()->map_value(), text);
    return;
  }
  const auto* field = message.GetDescriptor()->FindFieldByName(name);
  if (!field) return;
  if (field->is_repeated()) {
    if (field->cpp_type() != Cpp::CPPTYPE_STRING) return;
    for (const std::string& part : split(text, ',')) reflection.AddString(&message, field, part);
    return;
  }
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  switch (field->cpp_type()) {
    case Cpp::CPPTYPE_INT32:
      return reflection.SetInt32(&message, field, static_cast<std::int32_t>(number));
    case Cpp::CPPTYPE_UINT32:
      return reflection.SetUInt32(&message, field, static_cast<std::uint32_t>(number));
    case Cpp::CPPTYPE_UINT64:
      return reflection.SetUInt64(&message, field, number);
    case Cpp::CPPTYPE_BOOL:
      return reflection.SetBool(&message, field, text == "true");
    case Cpp::CPPTYPE_STRING:
      return reflection.SetString(&message, field, text);
    default:
      return;
  }
}

/// "postgres_config" of POSTGRES; nullptr when the API has no message for that kind.
const Cpp* config_field(std::string_view kind) {
  return peerdb_peers::Peer::descriptor()->FindFieldByName(to_lower(kind) + "_config");
}

std::string upper_without_config(std::string name) {
  name.resize(name.size() - std::string_view("_config").size());
  return to_upper(name);
}

void refuse_masked(const PeerRequest& request, const OptionTable& table, const std::string& path) {
  for (const auto& [name, sent] : request.options) {
    const Option* option = find_option(table, name);
    if (!option || option->secret == Secret::no || sent.text != kMasked) continue;
    refuse(ErrorCode::invalid_option, path + name,
           "\"" + name + "\" is the mask that the API shows instead of a secret",
           "send the secret itself: the API never gives it out");
  }
}

/// ClickHouse's words for PeerDB's engines.
struct EngineName {
  peerdb_flow::TableEngine engine;
  std::string_view name;
};
constexpr EngineName kEngines[] = {{peerdb_flow::CH_ENGINE_REPLACING_MERGE_TREE, ""},
                                   {peerdb_flow::CH_ENGINE_MERGE_TREE, "MergeTree"},
                                   {peerdb_flow::CH_ENGINE_NULL, "Null"},
                                   {peerdb_flow::CH_ENGINE_REPLICATED_REPLACING_MERGE_TREE, "ReplicatedReplacingMergeTree"},
                                   {peerdb_flow::CH_ENGINE_REPLICATED_MERGE_TREE, "ReplicatedMergeTree"},
                                   {peerdb_flow::CH_ENGINE_COALESCING_MERGE_TREE, "CoalescingMergeTree"}};

std::string engine_of(const peerdb_flow::TableMapping& table, const std::string& path) {
  for (const EngineName& known : kEngines)
    if (known.engine == table.engine()) return std::string(known.name);
  refuse(ErrorCode::invalid_option, path + "engine", "no engine has that number", "leave it out");
}

/// nullable_enabled = false is what a client sends that says nothing of it.
ColumnSetting setting_of(const peerdb_flow::ColumnSetting& column, const std::string& path) {
  if (column.source_name().empty()) refuse(ErrorCode::invalid_option, path + "source_name", "no column is named", "send its name");
  for (const auto& [name, place] : {std::pair{"ordering", column.ordering()}, {"partitioning", column.partitioning()}})
    if (place < 0) refuse(ErrorCode::invalid_option, path + name, std::string("\"") + name + "\" is a place from 1 on", "leave it out");
  ColumnSetting setting{column.source_name(), column.destination_name(), column.destination_type(), column.ordering(),
                        column.partitioning()};
  if (column.nullable_enabled()) setting.nullable = true;
  return setting;
}

TableMapping mapping_of(const peerdb_flow::TableMapping& table, const std::string& path) {
  const auto unsupported = [&](bool set, const char* name) {
    if (set)
      refuse(ErrorCode::not_supported, path + name, std::string("\"") + name + "\" is not supported yet",
             "leave it out");
  };
  unsupported(!table.sharding_key().empty(), "sharding_key");
  unsupported(!table.policy_name().empty(), "policy_name");
  // partition_key is PeerDB's way to cut a copy into pieces; ctid ranges need none.
  TableMapping mapping{table.source_table_identifier(),
                       table.destination_table_identifier(),
                       {table.exclude().begin(), table.exclude().end()}};
  for (int i = 0; i < table.columns_size(); ++i)
    mapping.columns.push_back(setting_of(table.columns(i), path + "columns[" + std::to_string(i) + "]."));
  mapping.engine = engine_of(table, path);
  mapping.partition_by = table.partition_by_expr();
  mapping.except = {table.except_tables().begin(), table.except_tables().end()};
  return mapping;
}

void fill_mapping(const TableMapping& table, peerdb_flow::TableMapping& mapping) {
  mapping.set_source_table_identifier(table.source);
  mapping.set_destination_table_identifier(table.target);
  for (const auto& column : table.exclude) mapping.add_exclude(column);
  for (const ColumnSetting& setting : table.columns) {
    auto& column = *mapping.add_columns();
    column.set_source_name(setting.source);
    column.set_destination_name(setting.target);
    column.set_destination_type(setting.type);
    column.set_ordering(setting.ordering);
    column.set_partitioning(setting.partitioning);
    column.set_nullable_enabled(setting.nullable.value_or(false));
  }
  for (const EngineName& known : kEngines)
    if (known.name == table.engine) mapping.set_engine(known.engine);
  mapping.set_partition_by_expr(table.partition_by);
  for (const std::string& name : table.except) mapping.add_except_tables(name);
}

}  // namespace

void check_mirror_settings(const pb::Map<std::string, std::string>& settings, const std::string& path) {
  for (const auto& [name, value] : settings) {
    const PeerdbOption* setting = find_peerdb_option(peerdb_settings(), name);
    if (setting && asks_for(*setting, value)) continue;
    refuse(ErrorCode::not_supported, path + name, "setting \"" + name + "\" of one mirror is not supported" +
           (setting ? ", unless it is " + std::string(setting->does) : ""),
           setting ? std::string(setting->instead) : "leave it out");
  }
}

PeerRequest peer_request(const peerdb_peers::Peer& peer, const Connectors& connectors) {
  const auto* config =
      peer.GetReflection()->GetOneofFieldDescriptor(peer, peer.GetDescriptor()->FindOneofByName("config"));
  PeerRequest request;
  request.name = peer.name();
  if (request.name.empty()) refuse(ErrorCode::invalid_option, "peer.name", "no peer name provided");
  if (peer.has_type()) {
    request.kind = peerdb_peers::DBType_Name(peer.type());
    if (request.kind.empty()) refuse(ErrorCode::invalid_option, "peer.type", "no kind of peer has that number");
  } else if (config) {
    request.kind = upper_without_config(config->name());
  } else {
    refuse(ErrorCode::invalid_option, "peer.type", "the peer has no type and no config",
           "send \"type\": \"POSTGRES\" and \"postgres_config\"");
  }
  const auto& connector = connectors.of(request.kind);
  const auto* wanted = config_field(request.kind);
  if (!config || config != wanted) {
    const std::string name = wanted ? wanted->name() : to_lower(request.kind) + "_config";
    refuse(ErrorCode::invalid_option, "peer." + name, "a peer of type " + request.kind + " needs \"" + name + "\"");
  }
  const std::string path = "peer." + config->name() + ".";
  request.options = options_of(peer.GetReflection()->GetMessage(peer, config), *connector.options,
                               peerdb_peer_options(connector.kind), path, {});
  refuse_masked(request, *connector.options, path);
  return request;
}

peerdb_peers::DBType type_of_kind(std::string_view kind) {
  peerdb_peers::DBType type = peerdb_peers::DBTYPE_UNKNOWN;
  peerdb_peers::DBType_Parse(std::string(kind), &type);
  return type;
}

void fill_peer(const PeerSpec& spec, const OptionTable& options, peerdb_peers::Peer& peer) {
  peer.set_name(spec.name);
  peer.set_type(type_of_kind(spec.kind));
  const auto* field = config_field(spec.kind);
  if (!field) return;
  auto& config = *peer.GetReflection()->MutableMessage(&peer, field);
  for (const auto& [name, value] : spec.options) set_field(config, name, value);
  // PeerDB's message may have the option's other name.
  for (const auto& option : options.options) {
    const auto set = spec.options.find(option.alias_of);
    if (!option.alias_of.empty() && set != spec.options.end()) set_field(config, std::string(option.name), set->second);
  }
}

void fill_unset(pb::Message& config, const OptionTable& options, std::initializer_list<std::string_view> omitted) {
  constexpr int kOwn = 100;
  const auto& reflection = *config.GetReflection();
  for (int i = 0; i < config.GetDescriptor()->field_count(); ++i) {
    const auto* field = config.GetDescriptor()->field(i);
    const bool scalar = !field->is_repeated() && field->cpp_type() != Cpp::CPPTYPE_MESSAGE;
    if (!scalar || field->number() >= kOwn || !field->has_presence() || reflection.HasField(config, field)) continue;
    if (std::find(omitted.begin(), omitted.end(), field->name()) != omitted.end()) continue;
    const Option* option = find_option(options, field->name());
    if (option && option->default_text.empty() && option->type != OptionType::text) continue;
    if (field->cpp_type() == Cpp::CPPTYPE_ENUM) {
      reflection.SetEnumValue(&config, field, 0);
    } else {
      set_field(config, field->name(), option ? std::string(option->default_text) : "");
    }
  }
}

MirrorRequest mirror_request(const peerdb_flow::FlowConnectionConfigs& configs) {
  const std::string path = "connection_configs.";
  MirrorRequest request;
  request.name = configs.flow_job_name();
  request.source = configs.source_name();
  request.target = configs.destination_name();
  if (request.name.empty()) refuse(ErrorCode::invalid_option, path + "flow_job_name", "no mirror name provided");
  if (request.source.empty()) refuse(ErrorCode::invalid_option, path + "source_name", "no source peer provided");
  if (request.target.empty())
    refuse(ErrorCode::invalid_option, path + "destination_name", "no destination peer provided");
  if (configs.table_mappings_size() == 0) {
    refuse(ErrorCode::invalid_option, path + "table_mappings", "no table mappings provided");
  }
  for (int i = 0; i < configs.table_mappings_size(); ++i) {
    request.tables.push_back(
        mapping_of(configs.table_mappings(i), path + "table_mappings[" + std::to_string(i) + "]."));
  }
  check_mirror_settings(configs.env(), path + "env.");
  // version and flags are the server's own in PeerDB too; validation is never skipped.
  request.options =
      options_of(configs, mirror_options(), peerdb_mirror_options(), path,
                 {"flow_job_name", "source_name", "destination_name", "table_mappings", "env", "version", "flags"});
  return request;
}

MirrorChange mirror_change(const peerdb_flow::CDCFlowConfigUpdate& update) {
  const std::string path = "flow_config_update.cdc_flow_config_update.";
  const auto unsupported = [&](bool set, const std::string& name, const std::string& hint) {
    if (set) refuse(ErrorCode::not_supported, path + name, "\"" + name + "\" is not supported", hint);
  };
  unsupported(update.number_of_syncs() != 0, "number_of_syncs", "leave it out: a mirror streams until it is paused");
  unsupported(update.snapshot_num_partitions_override() != 0, "snapshot_num_partitions_override",
              "snapshot_num_rows_per_partition sets the size of a chunk");
  unsupported(update.skip_initial_snapshot_for_table_additions(), "skip_initial_snapshot_for_table_additions",
              "leave it out: a table that is added is copied where the mirror copies tables");
  check_mirror_settings(update.updated_env(), path + "updated_env.");
  MirrorChange change;
  for (int i = 0; i < update.additional_tables_size(); ++i) {
    const std::string at = path + "additional_tables[" + std::to_string(i) + "].";
    change.add.push_back(mapping_of(update.additional_tables(i), at));
  }
  for (const auto& table : update.removed_tables()) change.drop.push_back(table.source_table_identifier());
  const auto number = [&](const char* option, std::uint64_t value) {
    if (value != 0) change.set[option] = {RawOption::Kind::number, std::to_string(value)};
  };
  number("max_batch_size", update.batch_size());
  number("idle_timeout_seconds", update.idle_timeout());
  number("snapshot_num_rows_per_partition", update.snapshot_num_rows_per_partition());
  number("snapshot_max_parallel_workers", update.snapshot_max_parallel_workers());
  number("snapshot_num_tables_in_parallel", update.snapshot_num_tables_in_parallel());
  if (!update.spool().empty()) change.set["spool"] = {RawOption::Kind::text, update.spool()};
  number("spool_max_bytes", update.spool_max_bytes());
  number("wal_budget_bytes", update.wal_budget_bytes());
  if (!update.on_spool_full().empty()) change.set["on_spool_full"] = {RawOption::Kind::text, update.on_spool_full()};
  if (!update.on_table_error().empty()) change.set["on_table_error"] = {RawOption::Kind::text, update.on_table_error()};
  if (!update.dropped_columns().empty()) change.set["dropped_columns"] = {RawOption::Kind::text, update.dropped_columns()};
  if (!update.new_tables().empty()) change.set["new_tables"] = {RawOption::Kind::text, update.new_tables()};
  return change;
}

void fill_mirror(const MirrorSpec& spec, peerdb_flow::FlowConnectionConfigs& configs) {
  configs.set_flow_job_name(spec.name);
  configs.set_source_name(spec.source);
  configs.set_destination_name(spec.target);
  for (const auto& table : declared_mappings(spec)) fill_mapping(table, *configs.add_table_mappings());
  for (const auto& option : mirror_options().options) {
    // An alias shows the option that it stands for: do_initial_snapshot is the field of do_initial_copy.
    const auto name = option.alias_of.empty() ? option.name : option.alias_of;
    set_field(configs, std::string(option.name), option_text(mirror_options(), spec.options, name));
  }
  for (const auto& [name, value] : spec.options)
    if (!find_option(mirror_options(), name)) set_field(configs, name, value);
}

peerdb_flow::FlowStatus status_of(MirrorState state) {
  peerdb_flow::FlowStatus status = peerdb_flow::STATUS_UNKNOWN;
  peerdb_flow::FlowStatus_Parse("STATUS_" + std::string(to_string(state)), &status);
  return status;
}

}  // namespace peerd::rest
