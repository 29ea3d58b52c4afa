#include "proc_names.h"

#include <algorithm>
#include <array>

namespace peerd::sql {
namespace {

// From pg_proc of a server of Postgres 14.
constexpr auto kProcs = std::to_array<Proc>({
    {34, "namein"}, {35, "nameout"}, {38, "int2in"}, {39, "int2out"}, {42, "int4in"}, {43, "int4out"},
    {46, "textin"}, {47, "textout"}, {214, "float8in"}, {215, "float8out"}, {460, "int8in"}, {461, "int8out"},
    {750, "array_in"}, {751, "array_out"}, {1046, "varcharin"}, {1047, "varcharout"}, {1084, "date_in"},
    {1085, "date_out"}, {1150, "timestamptz_in"}, {1151, "timestamptz_out"}, {1160, "interval_in"},
    {1161, "interval_out"}, {1242, "boolin"}, {1243, "boolout"}, {1312, "timestamp_in"}, {1313, "timestamp_out"},
    {1701, "numeric_in"}, {1702, "numeric_out"}, {1798, "oidin"}, {1799, "oidout"}, {2298, "void_in"},
    {2299, "void_out"}, {2400, "array_recv"}, {2401, "array_send"}, {2404, "int2recv"}, {2405, "int2send"},
    {2406, "int4recv"}, {2407, "int4send"}, {2408, "int8recv"}, {2409, "int8send"}, {2414, "textrecv"},
    {2415, "textsend"}, {2418, "oidrecv"}, {2419, "oidsend"}, {2422, "namerecv"}, {2423, "namesend"},
    {2426, "float8recv"}, {2427, "float8send"}, {2432, "varcharrecv"}, {2433, "varcharsend"}, {2436, "boolrecv"},
    {2437, "boolsend"}, {2460, "numeric_recv"}, {2461, "numeric_send"}, {2468, "date_recv"}, {2469, "date_send"},
    {2474, "timestamp_recv"}, {2475, "timestamp_send"}, {2476, "timestamptz_recv"}, {2477, "timestamptz_send"},
    {2478, "interval_recv"}, {2479, "interval_send"}, {3120, "void_recv"}, {3121, "void_send"},
});

}  // namespace

std::span<const Proc> type_procs() { return kProcs; }

std::string proc_name(std::int64_t number) {
  if (number == 0) return "-";
  const auto found = std::ranges::find(kProcs, number, &Proc::number);
  return found == kProcs.end() ? std::to_string(number) : std::string(found->name);
}

std::int64_t proc_number(std::string_view name) {
  const auto found = std::ranges::find(kProcs, name, &Proc::name);
  return found == kProcs.end() ? 0 : found->number;
}

}  // namespace peerd::sql
