#!/usr/bin/env bash
# config/quickstart.sh [start|--once|stop|status|reset]
#   start   (default) a source Postgres with sample tables, a ClickHouse server, a target Postgres and peerd with two
#           mirrors between them; all stay up. A second start finds the first.
#   --once  the same in a directory of its own; compares source and targets row by row, stops all; exits 0 or 1.
#   stop    stops what start has started and keeps the data; start goes on where it was.
#   status  what runs, and how the mirrors are.
#   reset   stop, and the data is deleted.
set -euo pipefail
command=${1:-start}
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repository"
source tests/support/install.sh

# Root cannot keep the data in its home: the servers run as the user postgres, who may not look in there.
default_dir=$HOME/.local/share/peerd-quickstart
[ "$(id -u)" -ne 0 ] || default_dir=/var/lib/peerd-quickstart
dir=${PEERD_QUICKSTART_DIR:-$default_dir}
postgres_bin=/usr/lib/postgresql/15/bin
password=peerd

say() { printf '%s\n' "$*"; }
part() { printf '%(%H:%M:%S)T  %s\n' -1 "$*"; }
fail() { say "quickstart: FAILED: $*"; exit 1; }

in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

first_port=54321
# choose_port NAME WANTED: the wanted port, or the next one that nobody listens on and that is not chosen yet.
taken=" "
choose_port() {
  local port=$2
  while in_use "$port" || [[ $taken == *" $port "* ]]; do port=$((port + 1)); done
  taken+="$port "
  [ "$port" -eq "$2" ] || say "port $2 is in use: $1 listens on $port"
  printf -v "$1_port" %s "$port"
}

choose_ports() {
  choose_port source $first_port
  choose_port target $((first_port + 1))
  choose_port clickhouse 8123
  choose_port sql 9900
  choose_port http 3000
  for name in source target clickhouse sql http; do
    local variable=${name}_port
    echo "$variable=${!variable}"
  done >"$dir/ports"
}

# As the user postgres when root: the server refuses root.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then setpriv --reuid postgres --regid postgres --clear-groups "$@"; else "$@"; fi
}

sql() { PGPASSWORD=postgres psql -X -q -v ON_ERROR_STOP=1 -h localhost -p "$1" -U postgres -d "${2:-shop}" "${@:3}"; }
peerd_sql() { PGPASSWORD=$password psql -X -v ON_ERROR_STOP=1 -h localhost -p "$sql_port" -U peerd -d peerd "$@"; }
clickhouse() { curl -sS --fail-with-body "http://localhost:$clickhouse_port/?database=${2:-shop}" --data-binary "$1"; }

# running NAME PROGRAM: is the process of that pid file alive, and still that program?
running() {
  local pid
  pid=$(cat "$dir/$1.pid" 2>/dev/null) && [ -n "$pid" ] && grep -qa "$2" "/proc/$pid/cmdline" 2>/dev/null
}

start_postgres() {
  local name=$1 port=$2
  if [ ! -e "$dir/$name/data/PG_VERSION" ]; then
    mkdir -p "$dir/$name"
    [ "$(id -u)" -ne 0 ] || chown postgres: "$dir/$name"
    echo postgres >"$dir/password"
    as_postgres "$postgres_bin/initdb" -D "$dir/$name/data" -U postgres -A scram-sha-256 --pwfile "$dir/password" -E UTF8 \
      --locale=C --no-sync >/dev/null
  fi
  as_postgres "$postgres_bin/pg_ctl" -D "$dir/$name/data" status >/dev/null 2>&1 && return 0
  as_postgres "$postgres_bin/pg_ctl" -D "$dir/$name/data" -w -l "$dir/$name/log" -o "-p $port -c listen_addresses=localhost \
    -c wal_level=logical -c unix_socket_directories=$dir/$name" start >/dev/null 2>&1 || fail "$name Postgres: see $dir/$name/log"
  sql "$port" postgres -Atc "SELECT 1 FROM pg_database WHERE datname = 'shop'" | grep -q 1 ||
    sql "$port" postgres -c 'CREATE DATABASE shop'
}

# wait_until SECONDS WHAT COMMAND...: until the command succeeds.
patience=1
wait_until() {
  local until=$((SECONDS + patience * $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || fail "not within time: $what (logs under $dir)"
    sleep 0.2
  done
}

start_clickhouse() {
  running clickhouse chserver && return 0
  setsid "$PEERD_TEST_CACHE/chserver" --lib "$PEERD_TEST_CACHE/chdb/package/libchdb.so" --path "$dir/clickhouse" \
    --http-port "$clickhouse_port" --log "$dir/clickhouse.log" </dev/null >>"$dir/clickhouse.out" 2>&1 &
  echo $! >"$dir/clickhouse.pid"
  wait_until 60 "ClickHouse to answer" clickhouse 'SELECT 1' default
  clickhouse 'CREATE DATABASE IF NOT EXISTS shop ENGINE = Atomic' default
}

start_peerd() {
  running peerd release/peerd && return 0
  PEERD_DATA_DIR=$dir/peerd PEERD_PASSWORD=$password PEERD_SQL_PORT=$sql_port PEERD_HTTP_PORT=$http_port \
    PEERD_LISTEN=127.0.0.1 setsid "$repository/build/release/peerd" </dev/null >>"$dir/peerd.log" 2>&1 &
  echo $! >"$dir/peerd.pid"
  wait_until 30 "peerd to answer" peerd_sql -c 'SELECT name FROM peers'
}

mirrors_running() { [ "$(peerd_sql -Atc "SELECT count(*) FROM mirrors WHERE state = 'RUNNING'")" = 2 ]; }

show_mirrors() { peerd_sql -P pager=off -c 'SELECT name, state, health, step, rows_copied, rows_streamed, last_error FROM mirrors'; }

create_mirrors() {
  [ "$(peerd_sql -Atc 'SELECT count(*) FROM mirrors')" = 0 ] || return 0
  sql "$source_port" shop -f config/quickstart-tables.sql
  part "creating peers and mirrors: config/quickstart.sql"
  peerd_sql -P pager=off -v source_port="$source_port" -v clickhouse_port="$clickhouse_port" -v target_port="$target_port" \
    -f config/quickstart.sql || fail "config/quickstart.sql"
  wait_until 120 "both mirrors to be RUNNING" mirrors_running
  part "both mirrors run"
}

# What arrives is looked at in the targets themselves.
clickhouse_users() { clickhouse "SELECT id, name, email, active FROM users FINAL WHERE id IN (7, 11, 13, 5001, 5002, 6001) ORDER BY id"; }
replica_users() {
  sql "$target_port" shop -At -F $'\t' -P null='\N' -c "SELECT id, name, email, active FROM users
    WHERE id IN (7, 11, 13, 5001, 5002, 6001) AND NOT \"_PEERDB_IS_DELETED\" ORDER BY id"
}
arrived() { [[ $(clickhouse_users) == *6001* && $(replica_users) == *6001* ]] && same_everywhere; }

show_changes() {
  local begin=$EPOCHREALTIME
  say "Users 7, 11, 13 at ClickHouse before the changes:"; clickhouse_users | sed 's/^/    /'
  part "writing changes: config/quickstart-changes.sql"
  sql "$source_port" shop -f config/quickstart-changes.sql
  wait_until 60 "the changes to arrive in both targets" arrived
  part "the changes are in both targets after $(( (${EPOCHREALTIME/./} - ${begin/./}) / 1000 )) ms"
  say "ClickHouse:"; clickhouse_users | sed 's/^/    /'
  say "target Postgres:"; replica_users | sed 's/^/    /'
}

# Every row as one line of plain text, the same from each server.
users_columns="id, name, email, active::int, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
orders_columns="id, user_id, trim_scale(total), coalesce(array_to_string(tags, '|', 'NULL'), ''), details, md5(note),
  to_char(placed_at, 'YYYY-MM-DD HH24:MI:SS.US'), paid_on"
postgres_rows() { sql "$1" shop -c "COPY (SELECT $2 FROM $3 WHERE $4 ORDER BY id) TO STDOUT"; }
live='NOT "_PEERDB_IS_DELETED"'
clickhouse_rows() {
  clickhouse "SELECT id, name, email, toUInt8(active), toString(created_at, 'UTC') FROM users FINAL ORDER BY id FORMAT TSV"
  clickhouse "SELECT id, user_id, total, arrayStringConcat(arrayMap(t -> ifNull(t, 'NULL'), tags), '|'), details,
    lower(hex(MD5(note))), placed_at, paid_on FROM orders FINAL ORDER BY id FORMAT TSV SETTINGS output_format_tsv_crlf_end_of_line = 0"
}
source_rows() { postgres_rows "$source_port" "$users_columns" users true; postgres_rows "$source_port" "$orders_columns" orders true; }
replica_rows() { postgres_rows "$target_port" "$users_columns" users "$live"; postgres_rows "$target_port" "$orders_columns" orders "$live"; }
same_everywhere() {
  source_rows >"$dir/source.rows"
  replica_rows >"$dir/replica.rows"
  clickhouse_rows | sed 's/\\'"'"'/'"'"'/g' >"$dir/warehouse.rows"
  cmp -s "$dir/source.rows" "$dir/replica.rows" && cmp -s "$dir/source.rows" "$dir/warehouse.rows"
}

compare() {
  local rows target
  if same_everywhere; then
    rows=$(wc -l <"$dir/source.rows")
    part "compared row by row: $rows rows at the source, the same $rows in ClickHouse and in the target Postgres"
    return 0
  fi
  for target in replica warehouse; do
    diff "$dir/source.rows" "$dir/$target.rows" | head -20 | cut -c1-200 | sed "s/^/    $target: /" || true
  done
  return 1
}

# What the page is made of: its file, and the rows that it draws.
page_shows_both() {
  local page mirrors
  page=$(curl -sS --fail "http://localhost:$http_port/") && [[ $page == *'<div id="app">'* ]] || return 1
  mirrors=$(curl -sS --fail -u ":$password" "http://localhost:$http_port/api/v1/views/mirrors") || return 1
  [ "$(grep -o '"rows_streamed":[1-9]' <<<"$mirrors" | wc -l)" = 2 ]
}

announce() {
  local missing
  missing=$(missing_debs $build_packages $server_packages; command -v npm >/dev/null || echo npm)
  say "peerd quickstart: a source Postgres, a ClickHouse server, a target Postgres and peerd, on this machine's loopback only."
  if [ -n "$missing" ]; then say "  installs with apt:  $(echo $missing)"; else say "  installs with apt:  nothing"; fi
  [ -e "$PEERD_TEST_CACHE/chdb/.version" ] || say "  fetches with npm:   the ClickHouse library (180 MB, checksum pinned) into $PEERD_TEST_CACHE"
  [ -e "$PEERD_TEST_CACHE/page" ] || say "  fetches with npm:   the page's libraries (0.6 MB, checksums pinned) into $PEERD_TEST_CACHE"
  say "  builds:             $repository/build/release/peerd"
  say "  keeps its data in:  $dir"
}

build() {
  install_build_tools $server_packages
  install_clickhouse
  part "building the release"
  cmake --preset release >/dev/null
  cmake --build --preset release --target peerd | tail -1
}

load_ports() { [ -e "$dir/ports" ] && source "$dir/ports"; }

bring_up() {
  mkdir -p "$dir"
  chmod 755 "$dir"
  load_ports || choose_ports
  part "starting the source on $source_port, the target on $target_port, ClickHouse on $clickhouse_port, peerd on $sql_port and $http_port"
  start_postgres source "$source_port"
  start_postgres target "$target_port"
  start_clickhouse
  start_peerd
  create_mirrors
}

stop_program() {
  if running "$1" "$2"; then
    local pid
    pid=$(cat "$dir/$1.pid")
    kill "$pid"
    for _ in $(seq 150); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$dir/$1.pid"
}

bring_down() {
  stop_program peerd release/peerd
  stop_program clickhouse chserver
  for name in source target; do
    [ ! -e "$dir/$name/data/postmaster.pid" ] ||
      as_postgres "$postgres_bin/pg_ctl" -D "$dir/$name/data" -m fast -w stop >/dev/null || true
  done
}

what_next() {
  cat <<END

It stays up. Look at it: http://localhost:$http_port/ (password: $password). Or type:
  psql "host=localhost port=$sql_port user=peerd password=$password dbname=peerd" -c 'SELECT name, state, health, step, lag_bytes FROM mirrors'
  curl -u :$password http://localhost:$http_port/api/v1/mirrors/list
Change something at the source and look at ClickHouse:
  psql "host=localhost port=$source_port user=postgres password=postgres dbname=shop" -c "UPDATE users SET name = 'Linus' WHERE id = 1"
  curl "http://localhost:$clickhouse_port/?database=shop" --data-binary 'SELECT * FROM users FINAL WHERE id = 1'
Stop: config/quickstart.sh stop    Stop and delete the data: config/quickstart.sh reset
END
}

everything_runs() { load_ports && running peerd release/peerd && running clickhouse chserver && in_use "$source_port" && in_use "$target_port"; }

# The stored peers know the servers' ports, so a stopped quickstart comes back on the same ones.
ports_are_ours() {
  load_ports || return 0
  local name port
  for name in source target; do
    port=${name}_port
    [ -e "$dir/$name/data/postmaster.pid" ] || ! in_use "${!port}" ||
      fail "another program took port ${!port}, which the stored peers name: free it, or config/quickstart.sh reset"
  done
  running clickhouse chserver || ! in_use "$clickhouse_port" ||
    fail "another program took port $clickhouse_port, which the stored peer names: free it, or config/quickstart.sh reset"
}

start() {
  if everything_runs; then
    say "quickstart: already running, data in $dir"
    show_mirrors
    what_next
    return 0
  fi
  announce
  build
  local fresh=1
  [ ! -e "$dir/source/data/PG_VERSION" ] || fresh=0
  [ $fresh = 1 ] || ports_are_ours
  bring_up
  [ $fresh = 0 ] || show_changes
  show_mirrors
  what_next
  say "quickstart: up"
}

once() {
  dir=$(mktemp -d /tmp/peerd-quickstart.XXXXXX)
  chmod 755 "$dir"
  announce
  say "  --once:             everything is stopped and that directory deleted at the end"
  patience=4
  first_port=15432  # Below those that the kernel gives to clients.
  trap 'code=$?; bring_down; [ $code -ne 0 ] || rm -rf "$dir"; exit $code' EXIT
  trap 'exit 130' INT TERM
  build
  bring_up
  show_changes
  show_mirrors
  wait_until 30 "http://localhost:$http_port/ to show that both mirrors have streamed rows" page_shows_both
  compare || { tail -5 "$dir/peerd.log" | cut -c1-500; fail "source and targets differ; data and logs are kept in $dir"; }
  say "quickstart: source and both targets are equal"
}

case $command in
  start) start ;;
  --once) once ;;
  stop) bring_down; say "quickstart: stopped, data kept in $dir" ;;
  status) if everything_runs; then show_mirrors; what_next; say "quickstart: running"; else say "quickstart: not running"; fi ;;
  reset) bring_down; rm -rf "$dir"; say "quickstart: stopped, $dir deleted" ;;
  *) sed -n '2,8s/^# //p' "$0"; exit 64 ;;
esac
