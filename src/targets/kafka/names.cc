#include "kafka/names.h"

#include <algorithm>

#include "unfit.h"

namespace peerd::kafka {
namespace {

[[noreturn]] void refuse_table(const TableSchema& schema, const std::string& message, const std::string& hint) {
  ErrorText text{.code = ErrorCode::target_unfit, .message = message};
  text.hint = hint;
  text.table = schema.qualified();
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

[[noreturn]] void refuse_topic(const std::string& topic, const std::string& what, const std::string& option) {
  Error error(ErrorCode::invalid_option, "topic " + topic + " is another's of this mirror, and cannot take " + what,
              option.empty() ? "give each table a topic of its own" : "give " + option);
  error.text.field = option;
  throw error;
}

bool among(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

void throw_other_topic(const std::string& topic, const std::string& table, const std::string& why) {
  ErrorText text{.code = ErrorCode::target_unfit, .message = "topic " + topic + " is not the one that this mirror has written to: it was deleted, or made again"};
  text.detail = why;
  text.hint = table.empty() ? "what was there is lost: DROP MIRROR and CREATE MIRROR copy the tables anew"
                            : "what was there is lost: RESYNC TABLE " + table + " OF the mirror copies the table anew; or DROP MIRROR and CREATE "
                              "MIRROR, all of them";
  text.table = table;
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

void refuse_names(const Encoder& encoder, bool events_apart) {
  const TableSchema& schema = encoder.schema();
  if (const std::string reserved = encoder.reserved_column(); !reserved.empty())
    refuse_table(schema, "column \"" + reserved + "\" of " + schema.qualified() + " has a name that the flat format needs for itself",
                 "exclude the column, or use format = 'peerdb'");
  // {"_peerd_event":"horizon"} is an event's key, too.
  if (!events_apart && schema.key.size() == 1 && schema.columns[schema.key[0]].name == "_peerd_event")
    refuse_table(schema, "the key of " + schema.qualified() + " is column \"_peerd_event\": its messages' keys could be those of peerd's events",
                 "set event_topic of the mirror: events then have a topic of their own");
}

void add_problem(Problems& problems, const std::string& table, const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    problems.push_back({error.text, ""});
    if (!table.empty()) problems.back().text.table = table;
  }
}

Problems check_keyless(const MirrorTable& table, bool exactly_once, Topics& topics, const Wait& wait) {
  if (!table.schema.keyless()) return {};
  Problems problems;
  const auto refuse = [&](const char* field, const std::string& what, const std::string& hint) {
    problems.push_back(unfit(table, "table " + table.schema.qualified() + " has no key, and " + what,
                             hint + "; or give it a primary key, or REPLICA IDENTITY USING INDEX of a unique index on NOT NULL columns"));
    problems.back().text.field = field;
  };
  if (!exactly_once)
    refuse("delivery", "delivery = 'at_least_once' may send a row twice, which nobody could tell from two equal ones", "delivery = 'exactly_once'");
  add_problem(problems, table.schema.qualified(), [&] {
    const std::string topic = topics.name_of(table);
    if (topics.is_compacted(topic, wait))
      refuse("cleanup_policy", "topic " + topic + " is compacted, or is to be: it takes no message without a key", "cleanup_policy = 'delete'");
  });
  return problems;
}

std::vector<std::string> names_of_topics(const Topics& topics, std::span<const MirrorTable> tables, bool dead_letters,
                                         Problems& problems) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& topic, const std::string& what, const std::string& option) {
    if (among(names, topic)) refuse_topic(topic, what, option);
    names.push_back(topic);
  };
  for (const MirrorTable& table : tables) {
    const std::string name = table.schema.qualified();
    add_problem(problems, name, [&] { add(topics.name_of(table), "the messages of " + name, ""); });
  }
  add_problem(problems, "", [&] {
    if (const std::string topic = topics.message_topic(); !topic.empty()) add(topic, "logical messages", "message_topic");
  });
  add_problem(problems, "", [&] {
    if (const std::string topic = topics.event_topic(); !topic.empty()) add(topic, "its events", "event_topic");
  });
  for (std::size_t i = 0; dead_letters && i < names.size(); ++i) {
    add_problem(problems, "", [&] {
      if (const std::string letters = topics.dead_letters_of(names[i]); among(names, letters)) refuse_topic(letters, "dead letters", "dead_letter_topic");
    });
  }
  return names;
}

}  // namespace peerd::kafka
