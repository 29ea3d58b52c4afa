#!/bin/bash
# Builds docker/Dockerfile and runs docker/docker-compose.yml for real, with its demo servers, on a Debian 12 machine as root.
# Installs docker when it is missing, starts dockerd when none runs (and stops it again), and makes the base image with
# debootstrap when it cannot be pulled. Ends with one line that says what happened; exits 0 or 1.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
cd "$repository"
source tests/support/install.sh

limit_mb=200
project=peerd-verify
password=verify-$RANDOM$RANDOM
work=$(mktemp -d /tmp/peerd-docker.XXXXXX)
cache=$PEERD_TEST_CACHE/docker
dockerd_pid= checks=0
export DOCKER_BUILDKIT=0 PEERD_PASSWORD=$password PEERD_SQL_PORT=0 PEERD_HTTP_PORT=0

say() { printf '%s\n' "$*"; }
ok() { checks=$((checks + 1)); say "ok: $*"; }
fail() {
  say "FAILED: $*"
  compose logs --no-color --tail=8 2>/dev/null || true
  exit 1
}
compose() { docker-compose -p "$project" -f docker/docker-compose.yml --profile demo "$@"; }

# wait_for SECONDS WHAT COMMAND...
wait_for() {
  local until=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >"$work/last" 2>&1; do
    [ $SECONDS -lt $until ] || { cat "$work/last"; fail "not within time: $what"; }
    sleep 0.5
  done
}

clean_up() {
  local result=$?
  set +e
  if docker info >/dev/null 2>&1; then
    compose down -v --remove-orphans >/dev/null 2>&1
    [ -z "$dockerd_pid" ] || docker ps -aq | xargs -r docker rm -f >/dev/null 2>&1
  fi
  if [ -n "$dockerd_pid" ]; then
    kill "$dockerd_pid" && wait "$dockerd_pid" 2>/dev/null
    umount "$work"/exec/netns/* 2>/dev/null
  fi
  rm -rf "$work"
  [ $result -eq 0 ] && say "docker: $checks checks passed in $SECONDS s" || say "docker: FAILED after $checks checks"
}
trap clean_up EXIT

start_docker() {
  [ "$(id -u)" -eq 0 ] || { say "docker/verify.sh must run as root"; exit 1; }
  install_debs docker.io docker-compose debootstrap iptables
  docker info >/dev/null 2>&1 && return 0
  # A daemon of our own, beside whatever this machine may have configured; its images stay for the next run.
  mkdir -p "$cache"
  export DOCKER_HOST=unix://$work/docker.sock
  dockerd --host "$DOCKER_HOST" --data-root "$cache/data" --exec-root "$work/exec" --pidfile "$work/pid" \
    >"$work/dockerd.log" 2>&1 &
  dockerd_pid=$!
  local until=$((SECONDS + 60))
  until docker info >/dev/null 2>&1; do
    kill -0 "$dockerd_pid" 2>/dev/null && [ $SECONDS -lt $until ] || { tail -5 "$work/dockerd.log"; fail "dockerd does not start"; }
    sleep 0.3
  done
}

# The base image, pulled, or else made of Debian's packages with this machine's apt sources.
get_base() {
  base=debian:bookworm-slim
  docker image inspect "$base" >/dev/null 2>&1 && return 0
  timeout 60 docker pull -q "$base" >/dev/null 2>&1 && { say "base image: pulled"; return 0; }
  say "base image: no registry in reach, making it with debootstrap"
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -1)
  debootstrap --variant=minbase bookworm "$work/root" "${mirror:-http://deb.debian.org/debian}" >"$work/debootstrap.log" 2>&1 ||
    { tail -5 "$work/debootstrap.log"; fail "debootstrap"; }
  rm -rf "$work/root/etc/apt/sources.list" "$work/root/var/cache/apt"/*.bin "$work/root/var/cache/apt/archives"/*.deb
  cp /etc/apt/sources.list "$work/root/etc/apt/" 2>/dev/null || true
  cp /etc/apt/sources.list.d/debian.sources "$work/root/etc/apt/sources.list.d/" 2>/dev/null || true
  apt-config dump | grep -E '^Acquire::(Check-|https?::Proxy)' >"$work/root/etc/apt/apt.conf.d/90machine" || true
  tar -C "$work/root" -c . | docker import - "$base" >/dev/null
}

build_images() {
  say "building the image"
  install_node
  docker build --network host --build-arg BASE="$base" --build-arg npm_config_registry="$(npm config get registry)" -f docker/Dockerfile -t peerd . >"$work/build.log" 2>&1 ||
    { tail -30 "$work/build.log"; fail "docker build"; }
  export PEERD_DEMO_POSTGRES=postgres:16 PEERD_DEMO_CLICKHOUSE=clickhouse/clickhouse-server:25.8
  if ! timeout 300 docker-compose -p "$project" -f docker/docker-compose.yml --profile demo pull -q source clickhouse >/dev/null 2>&1; then
    say "demo images: no registry in reach, building stand-ins of Debian's Postgres and the tests' ClickHouse"
    build_stand_ins
  fi
}

build_stand_ins() {
  export PEERD_DEMO_POSTGRES=peerd-demo-postgres PEERD_DEMO_CLICKHOUSE=peerd-demo-clickhouse
  install_clickhouse
  mkdir -p "$work/postgres" "$work/clickhouse"
  cp docker/demo-postgres.sh "$work/postgres/"
  cat >"$work/postgres/Dockerfile" <<END
FROM $base
RUN mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \\
 && apt-get update && apt-get install -y --no-install-recommends postgresql-15
COPY demo-postgres.sh /
VOLUME /var/lib/postgresql/data
ENTRYPOINT ["/demo-postgres.sh"]
END
  cp "$PEERD_TEST_CACHE/chserver" "$PEERD_TEST_CACHE/chdb/package/libchdb.so" "$work/clickhouse/"
  cat >"$work/clickhouse/users.xml" <<END
<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users>
<default><password></password><networks><ip>127.0.0.1</ip><ip>::1</ip></networks><profile>default</profile><quota>default</quota></default>
<demo><password>demo</password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></demo>
</users></clickhouse>
END
  cat >"$work/clickhouse/Dockerfile" <<END
FROM $base
RUN apt-get update && apt-get install -y --no-install-recommends libstdc++6
COPY libchdb.so chserver users.xml /opt/
ENTRYPOINT ["/opt/chserver", "--lib", "/opt/libchdb.so", "--path", "/var/lib/clickhouse/data", "--host", "0.0.0.0", \\
  "--http-port", "8123", "--users-xml", "/opt/users.xml"]
END
  for name in postgres clickhouse; do
    docker build -q --network host -t "peerd-demo-$name" "$work/$name" >"$work/build.log" 2>&1 || { tail -30 "$work/build.log"; fail "image of $name"; }
  done
}

# SQL at peerd, through the source's container: its psql and the containers' own network.
peerd_sql() { compose exec -T -e PGPASSWORD="$password" source psql -h peerd -p 9900 -U peerd -d peerd -v ON_ERROR_STOP=1 -qAt -c "$1"; }
server_sql() { compose exec -T -e PGPASSWORD=demo "$1" psql -h 127.0.0.1 -U postgres -d shop -v ON_ERROR_STOP=1 -qAt -c "$2"; }
clickhouse() {
  compose exec -T source bash -c 'exec 3<>/dev/tcp/clickhouse/8123; printf "POST /?user=demo&password=demo HTTP/1.0\r\nContent-Length: %s\r\n\r\n%s" "${#1}" "$1" >&3; sed "1,/^\r$/d" <&3' - "$1"
}
health_is() { [ "$(docker inspect -f '{{.State.Health.Status}}' "${project}_peerd_1")" = "$1" ]; }
running() { [ "$(peerd_sql "SELECT count(*) FROM mirrors WHERE state = 'RUNNING'")" = 2 ]; }
sum_of='SELECT count(*), sum(id), md5(string_agg(name, $$,$$ ORDER BY id)) FROM items'
same_in_postgres() { [ "$(server_sql source "$sum_of")" = "$(server_sql target "$sum_of")" ]; }
same_in_clickhouse() {
  [ "$(clickhouse 'SELECT count(), sum(id) FROM shop.items FINAL FORMAT TSV')" = "$(server_sql source "SELECT count(*) || E'\t' || sum(id) FROM items")" ]
}
all_arrived() { same_in_postgres && same_in_clickhouse; }

check_image() {
  local size base_size user
  size=$(docker image inspect -f '{{.Size}}' peerd) base_size=$(docker image inspect -f '{{.Size}}' "$base")
  local over=$(((size - base_size) / 1000000))
  [ "$over" -lt $limit_mb ] || fail "the image is $over MB over its base"
  ok "the image is $over MB over its base of $((base_size / 1000000)) MB"
  user=$(docker run --rm --entrypoint id peerd -u)
  [ "$user" != 0 ] || fail "the image runs as root"
  ok "it runs as user $user"
  docker run --rm peerd --version >/dev/null || fail "--version"
  if docker run --rm peerd >"$work/last" 2>&1; then fail "it started without a password"; fi
  grep -q PEERD_PASSWORD "$work/last" && [ "$(wc -l <"$work/last")" = 1 ] || { cat "$work/last"; fail "no clear line about the password"; }
  ok "without a password it ends: $(cat "$work/last")"
}

check_mirrors() {
  compose up -d --no-build >"$work/last" 2>&1 || { cat "$work/last"; fail "compose up"; }
  wait_for 60 "peerd to be healthy" health_is healthy
  ok "compose up: healthy"
  wait_for 60 "the servers" eval "server_sql source 'SELECT 1' && server_sql target 'SELECT 1' && clickhouse 'SELECT 1'"
  clickhouse 'CREATE DATABASE IF NOT EXISTS shop' >/dev/null
  server_sql source "CREATE TABLE items (id bigint PRIMARY KEY, name text); INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 10000) n"
  if peerd_sql "CREATE PEER here FROM POSTGRES WITH (host = 'localhost', port = 5432, user = 'postgres', password = 'demo', database = 'shop')" \
    2>"$work/last" >&2; then fail "a peer on the container's own localhost was taken"; fi
  grep -qi container "$work/last" || { cat "$work/last"; fail "no hint that localhost is the container"; }
  ok "localhost is explained: $(grep -i hint "$work/last")"
  peerd_sql "CREATE PEER src FROM POSTGRES WITH (host = 'source', port = 5432, user = 'postgres', password = 'demo', database = 'shop')"
  peerd_sql "CREATE PEER dst FROM POSTGRES WITH (host = 'target', port = 5432, user = 'postgres', password = 'demo', database = 'shop')"
  peerd_sql "CREATE PEER ch FROM CLICKHOUSE WITH (host = 'clickhouse', port = 8123, user = 'demo', password = 'demo', database = 'shop', disable_tls = true)"
  peerd_sql "CREATE MIRROR to_pg FROM src TO dst WITH TABLE MAPPING (public.items:public.items) WITH (do_initial_copy = true, soft_delete_col_name = '')"
  peerd_sql "CREATE MIRROR to_ch FROM src TO ch WITH TABLE MAPPING (public.items:items) WITH (do_initial_copy = true)"
  wait_for 90 "both mirrors to be RUNNING" running
  wait_for 60 "the same rows everywhere" all_arrived
  ok "two mirrors copied 10000 rows"
}

check_restarts() {
  local began=$SECONDS
  compose stop -t 15 peerd >/dev/null 2>&1
  [ "$(docker inspect -f '{{.State.ExitCode}}' "${project}_peerd_1")" = 0 ] || fail "exit code after docker stop"
  [ $((SECONDS - began)) -le 11 ] || fail "docker stop took $((SECONDS - began)) s"
  ok "docker stop ends it cleanly in $((SECONDS - began)) s"
  server_sql source "INSERT INTO items SELECT n, 'late ' || n FROM generate_series(10001, 12000) n"
  compose rm -f peerd >/dev/null 2>&1
  compose up -d --no-build >/dev/null 2>&1
  wait_for 60 "peerd to be healthy again" health_is healthy
  wait_for 60 "rows written while it was away" all_arrived
  ok "a new container on the same volume went on: $(server_sql target 'SELECT count(*) FROM items') rows"
  docker kill -s KILL "${project}_peerd_1" >/dev/null
  server_sql source "UPDATE items SET name = name || '!' WHERE id % 2 = 0; DELETE FROM items WHERE id % 5 = 0"
  compose up -d --no-build >/dev/null 2>&1
  wait_for 60 "peerd to be healthy after a kill" health_is healthy
  wait_for 60 "rows changed while it was dead" all_arrived
  ok "it went on after kill -9"
}

start_docker
get_base
build_images
check_image
check_mirrors
check_restarts
