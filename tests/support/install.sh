# Sourced by tests/run.sh, tests/bench/run.sh and config/quickstart.sh: installs what a bare Debian 12 lacks.
# Quick when nothing is missing: one dpkg-query, one look at the package folder.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)

# Server binaries must be readable by the user postgres, under whom root starts them; /root is not.
if [ -n "${PEERD_TEST_CACHE:-}" ]; then :
elif [ "$(id -u)" -eq 0 ]; then PEERD_TEST_CACHE=/var/cache/peerd-tests
else PEERD_TEST_CACHE=$HOME/.cache/peerd-tests; fi
export PEERD_TEST_CACHE

# Another clone on this machine finds what the first one compiled.
export CCACHE_BASEDIR=$repository CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime

build_packages="g++ cmake ninja-build ccache lld pkg-config libpq-dev libboost-dev nlohmann-json3-dev libspdlog-dev
  libfmt-dev libprotobuf-dev protobuf-compiler libsqlite3-dev libssl-dev libcurl4-openssl-dev liblz4-dev libyaml-cpp-dev librdkafka-dev libjemalloc-dev"
server_packages="postgresql-15 postgresql-client-15 curl"
test_packages="libgtest-dev libgmock-dev clang-14 clang-tidy-14 libclang-rt-14-dev llvm-14 python3 python3-pytest
  python3-pytest-timeout python3-pytest-xdist python3-psycopg2 python3-psycopg python3-asyncpg libpostgresql-jdbc-java python3-paramiko openssh-client python3-sqlalchemy python3-confluent-kafka openssl git locales postgresql-15-postgis-3
  prometheus"

# missing_debs PACKAGE...: prints those that are not installed.
missing_debs() {
  local have
  have=$(dpkg-query -W -f '${binary:Package} ${db:Status-Status}\n' 2>/dev/null | sed -n 's/\(:[a-z0-9]*\)\? installed$//p')
  for package in "$@"; do grep -qxF "$package" <<<"$have" || echo "$package"; done
}

# install_debs PACKAGE...
install_debs() {
  local missing
  missing=$(missing_debs "$@")
  [ -n "$missing" ] || return 0
  echo "installing $(echo $missing)"
  # Clusters are made by hand here: Debian's own "main" cluster would only take a port.
  if grep -q '^postgresql-15$' <<<"$missing" && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    "${as_root[@]}" mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  # Its promtool is wanted, not a server that runs.
  if grep -q '^prometheus$' <<<"$missing" && [ ! -e /etc/systemd/system/prometheus.service ]; then
    "${as_root[@]}" mkdir -p /etc/systemd/system
    "${as_root[@]}" ln -s /dev/null /etc/systemd/system/prometheus.service
  fi
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# Locales whose money has another point, and another count of digits, than C's.
install_locales() {
  local name
  for name in es_AR ja_JP; do
    locale -a | grep -qi "^$name.utf-\?8$" || "${as_root[@]}" localedef -i "$name" -f UTF-8 "$name.UTF-8" || return 1
  done
}

install_node() {
  command -v npm >/dev/null && return 0
  install_debs nodejs npm
}

# install_build_tools PACKAGE...: what the build needs (npm fetches the page's libraries), and these.
install_build_tools() {
  install_debs $build_packages "$@" && install_node
}

# install_server FOLDER: one line of packages.txt into $PEERD_TEST_CACHE/FOLDER.
install_server() {
  local folder=$1 package version checksum target="$PEERD_TEST_CACHE/$1"
  read -r _ package version checksum < <(grep "^$folder " "$repository/tests/support/packages.txt")
  [ "$(cat "$target/.version" 2>/dev/null)" = "$package $version" ] && return 0
  install_node
  echo "fetching $package $version"
  local work
  mkdir -p "$PEERD_TEST_CACHE"
  work=$(mktemp -d "$PEERD_TEST_CACHE/.$folder.XXXXXX")
  (
    cd "$work"
    npm pack --silent "$package@$version" >/dev/null
    echo "${checksum#sha512-}" | base64 -d | od -An -v -tx1 | tr -d ' \n' >wanted
    [ "$(sha512sum -- *.tgz | cut -d' ' -f1)" = "$(cat wanted)" ] || { echo "$package $version: wrong checksum, refused"; exit 1; }
    tar xzf ./*.tgz
    rm -f ./*.tgz wanted
    if [ -e package/scripts/hydrate-symlinks.js ]; then (cd package && node scripts/hydrate-symlinks.js >/dev/null); fi
    echo "$package $version" >.version
    chmod -R a+rX .
  ) || { rm -rf "$work"; return 1; }
  rm -rf "$target"
  mv "$work" "$target"
}

# build_chserver: the launcher of the ClickHouse server, beside its library.
build_chserver() {
  local source="$repository/tests/support/chserver.cc" binary="$PEERD_TEST_CACHE/chserver"
  [ -e "$binary" ] && [ "$(cat "$binary.sum" 2>/dev/null)" = "$(sha256sum <"$source")" ] && return 0
  echo "building chserver"
  g++ -std=c++20 -O1 -o "$binary.new" "$source" -ldl -lutil -pthread
  mv "$binary.new" "$binary"
  sha256sum <"$source" >"$binary.sum"
}

install_clickhouse() {
  install_server chdb && build_chserver
}

# install_kafka FOLDER: a broker's jars by Maven, each with the checksum that is committed in tests/support/FOLDER. Where they
# cannot be had, the reason stays in $PEERD_TEST_CACHE/FOLDER.missing for the tests that do not run.
install_kafka() {
  local source="$repository/tests/support/$1" target="$PEERD_TEST_CACHE/$1" reason="$PEERD_TEST_CACHE/$1.missing"
  cmp -s "$source/jars.sha256" "$target/jars.sha256" && command -v java >/dev/null && return 0
  mkdir -p "$PEERD_TEST_CACHE"
  fetch_kafka "$source" "$target" >"$reason" 2>&1 && rm -f "$reason" && return 0
  cat "$reason"
  return 1
}

fetch_kafka() {
  local source=$1 target=$2 work
  command -v javac >/dev/null || install_debs default-jdk-headless || return 1
  command -v mvn >/dev/null || install_debs maven || return 1
  work=$(mktemp -d "$PEERD_TEST_CACHE/.kafka.XXXXXX")
  if mvn -B -q -f "$source/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$work" &&
      (cd "$work" && sha256sum --quiet -c "$source/jars.sha256" && ls ./*.jar | cmp -s - <(sed 's#.* [ *]#./#' "$source/jars.sha256")); then
    cp "$source/jars.sha256" "$work/"
    chmod -R a+rX "$work"
    rm -rf "$target"
    mv "$work" "$target"
  else
    echo "the jars of Apache Kafka are not those of tests/support/${source##*/}/jars.sha256, or Maven could not fetch them"
    rm -rf "$work"
    return 1
  fi
}

# node-postgres and postgres.js, as package-lock.json pins them with checksums.
install_node_client() {
  local source="$repository/tests/support/node" target="$PEERD_TEST_CACHE/node"
  cmp -s "$source/package-lock.json" "$target/package-lock.json" && [ -d "$target/node_modules/postgres" ] && return 0
  install_node
  rm -rf "$target"
  mkdir -p "$target"
  cp "$source/package.json" "$source/package-lock.json" "$target/"
  (cd "$target" && npm ci --silent --no-audit --no-fund --ignore-scripts)
}

# install_python FOLDER: what tests/support/FOLDER_packages/requirements.txt pins with checksums, from PyPI into $PEERD_TEST_CACHE/FOLDER.
install_python() {
  local source="$repository/tests/support/$1_packages/requirements.txt" target="$PEERD_TEST_CACHE/$1"
  cmp -s "$source" "$target/requirements.txt" && return 0
  install_debs python3-pip || return 1
  rm -rf "$target"
  /usr/bin/python3 -m pip install -q --no-deps --require-hashes --only-binary :all: --no-warn-script-location --root-user-action ignore \
    --target "$target" -r "$source" && cp "$source" "$target/"
}

# install_browser: Debian's Chromium, what drives it and axe-core.
install_browser() {
  install_debs chromium fonts-dejavu-core && install_server axe && install_python browser
}
