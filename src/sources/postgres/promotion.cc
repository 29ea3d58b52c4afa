#include "postgres/promotion.h"

#include <charconv>

#include "peerd/base/text.h"
#include "postgres/cures.h"
#include "postgres/slot.h"

namespace peerd {
namespace {

[[noreturn]] void refuse(const std::string& why, std::string detail = {}) {
  ErrorText text{.code = ErrorCode::position_lost, .message = "the source was failed over to another server, and " + why};
  text.detail = std::move(detail);
  text.hint = kCopyAllAnew;
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

std::string history_of(postgres::Connection& replication, std::uint32_t timeline, const Wait& wait) {
  try {
    return replication.run("TIMELINE_HISTORY " + std::to_string(timeline), wait).string(0, 1);
  } catch (const Error& error) {
    if (error.text.origin != "58P01") throw;
    refuse("it does not know any more where its timeline " + std::to_string(timeline) + " comes from", error.text.message);
  }
}

void check_kept(postgres::Connection& connection, const std::string& slot, Lsn from, const Wait& wait) {
  check_standing(connection, slot, wait);
  const std::string named = "replication slot \"" + slot + "\" ";
  // to_jsonb: there are neither before Postgres 17.
  const postgres::Result found = connection.run(
      "SELECT coalesce((to_jsonb(s) ->> 'synced')::boolean, false), s.temporary, s.database = current_database(),"
      " s.confirmed_flush_lsn FROM pg_replication_slots s WHERE s.slot_name = $1", {{slot}}, wait);
  if (found.rows() == 0) refuse(named + "does not exist there");
  if (!found.boolean(0, 2)) refuse(named + "is one of another database there");
  if (!found.boolean(0, 0))
    refuse(named + "there is not the one that its standby had kept in step: it may have missed changes",
           "slots are kept at a standby from Postgres 17 on, with sync_replication_slots = on there");
  if (found.boolean(0, 1)) refuse(named + "there had not yet come as far as the mirror when it was promoted");
  const Lsn confirmed = parse_lsn(found.text(0, 3)).value_or(Lsn{~0ull});
  if (confirmed > from)
    refuse(named + "there stands at " + to_string(confirmed) + ", past " + to_string(from) + ", where the mirror goes on");
}

}  // namespace

std::optional<Lsn> left_at(std::string_view history, std::uint32_t timeline) {
  for (const std::string& line : split(history, '\n')) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || line[begin] == '#') continue;
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(line.data() + begin, line.data() + line.size(), number);
    if (error != std::errc() || number != timeline) continue;
    std::string_view rest(end, static_cast<std::size_t>(line.data() + line.size() - end));
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    return parse_lsn(rest.substr(0, rest.find_first_of(" \t\r")));
  }
  return std::nullopt;
}

void check_promoted(postgres::Connection& replication, postgres::Connection& connection, const std::string& slot,
                    const Promotion& promotion, const Wait& wait) {
  require_timeline(replication, promotion.now, wait);
  require_timeline(connection, promotion.now, wait);
  const std::string numbers = std::to_string(promotion.now) + ", which does not come from " + std::to_string(promotion.before);
  const std::optional<Lsn> left = left_at(history_of(replication, promotion.now, wait), promotion.before);
  if (!left) refuse("it is on timeline " + numbers + ", the one that the mirror follows");
  if (promotion.reached > *left) {
    refuse("it lacks what the mirror has applied, or may have read, before: it left timeline " + std::to_string(promotion.before) +
               " at " + to_string(*left) + ", and the mirror has come to " + to_string(promotion.reached),
           "rows may stand at the target that this server never had: its standby was behind when it was promoted");
  }
  check_kept(connection, slot, promotion.from, wait);
}

void throw_standby() {
  ErrorText text{.code = ErrorCode::source_unfit, .message = "the source is a standby: a mirror follows a primary"};
  text.hint = "promote it, or give the primary's host in the peer; of several, host = 'a,b', the primary is taken";
  text.retry = Retry::later;
  throw Error(std::move(text));
}

std::uint32_t timeline_of(postgres::Connection& connection, const Wait& wait) {
  // The name of a file of the WAL begins with its timeline, in eight hexadecimal digits.
  const postgres::Result at = connection.run(
      "SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_walfile_name(pg_current_wal_insert_lsn()) END", wait);
  constexpr std::size_t kDigits = 8;
  std::uint32_t now = 0;
  const std::string_view digits = at.text(0, 0).substr(0, kDigits);
  std::from_chars(digits.data(), digits.data() + digits.size(), now, 16);
  return now;
}

void require_timeline(postgres::Connection& connection, std::uint32_t timeline, const Wait& wait) {
  const std::uint32_t now = timeline_of(connection, wait);
  if (now == timeline) return;
  ErrorText text{.code = ErrorCode::unreachable, .message = "another server answers at the source's address than a moment ago"};
  text.detail = (now == 0 ? std::string("it is a standby") : "it is on timeline " + std::to_string(now)) + ", and that one was on timeline " +
                std::to_string(timeline);
  text.retry = Retry::later;
  throw Error(std::move(text));
}

}  // namespace peerd
