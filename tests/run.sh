#!/usr/bin/env bash
# tests/run.sh [--full] [--only PART]... [NAME...]
#   Installs what a bare Debian 12 lacks, builds, and runs everything; ends with `N passed, N failed` alone on a line.
#   --only PART  one of: layers unit fuzz sql scenario fault bench quickstart tsan tidy docker rules (the last four: --full alone)
#   --full       adds tsan, tidy, docker, tests/rules, longer fuzzing, the other Postgres versions and many more kills
#   NAME...      scenario and fault tests whose name matches, as pytest -k takes it; nothing else runs
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/support/install.sh

only=() names=() full=0
while [ $# -gt 0 ]; do
  case $1 in
    --full) full=1 ;;
    --only) only+=("$2"); shift ;;
    -h|--help) sed -n '2,6s/^# //p' "$0"; exit 0 ;;
    *) names+=("$1") ;;
  esac
  shift
done
[ $full = 0 ] || export PEERD_TEST_FULL=1
begin=$SECONDS
results=$(mktemp -d /tmp/peerd-results.XXXXXX)
trap 'rm -rf "$results"' EXIT
jobs=$(nproc)
python=/usr/bin/python3
export PYTHONPATH=$PWD/tests PYTHONDONTWRITEBYTECODE=1

say() { printf '\n== %s  (%d:%02d)\n' "$*" $(((SECONDS - begin) / 60)) $(((SECONDS - begin) % 60)); }

wanted() {
  [ ${#names[@]} -eq 0 ] || { [ "$1" = named ]; return; }
  [ "$1" != named ] || return 1
  [ ${#only[@]} -eq 0 ] || { [[ " ${only[*]} " == *" $1 "* ]]; return; }
  case $1 in tsan|tidy|docker|rules) [ $full = 1 ] ;; esac
}

# step NAME COMMAND...: counts as one test; its output is shown when it fails.
step() {
  local name=$1 start=$EPOCHREALTIME code=0 outcome=passed seconds
  shift
  "$@" >"$results/output" 2>&1 || code=$?
  seconds=$(awk "BEGIN {print $EPOCHREALTIME - $start}")
  if [ $code -ne 0 ]; then outcome=failed; tail -60 "$results/output"; fi
  printf '%s %.1f %s\n' $outcome "$seconds" "$name" >>"$results/steps.txt"
  printf '%-7s %6.1f s  %s\n' $outcome "$seconds" "$name"
  return $code
}

# wish NAME COMMAND...: a step for what may not be to be had here: the tests that need it are NOT RUN then. In CI it must.
wish() {
  local start=$EPOCHREALTIME
  if [ "${CI:-}" = true ]; then step "$@"; return; fi
  if "${@:2}" >"$results/output" 2>&1; then echo "passed $(awk "BEGIN {print $EPOCHREALTIME - $start}") $1" >>"$results/steps.txt"
  else echo "skipped 0 $1: $(tail -1 "$results/output")" >>"$results/steps.txt"; tail -3 "$results/output"; fi
}

# suite NAME COMMAND...: writes a JUnit file; a suite that leaves none, or fails without a failed test, is itself a failure.
suite() {
  local name=$1 start=$SECONDS code=0
  shift
  "$@" || code=$?
  if [ ! -s "$results/$name.xml" ] || { [ $code -ne 0 ] && ! grep -qE '<(failure|error)' "$results/$name.xml"; }; then
    echo "failed $((SECONDS - start)) $name: ended with $code" >>"$results/steps.txt"
  fi
  echo "$name took $((SECONDS - start)) s"
  times+=("$name $((SECONDS - start)) s")
}
times=()

pytest() {
  local name=$1
  shift
  $python -m pytest -c tests/pytest.ini --rootdir=tests -q --tb=short --junit-xml="$results/$name.xml" "$@"
}

# scenarios: three at a time, each with servers of its own: they wait more than they work.
scenarios() { pytest "$1" -n 3 --dist load "${@:2}"; }

# preset NAME TARGET...: configures and builds.
preset() {
  cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs" ${2:+--target "${@:2}"}
}

ctest_with_servers() {
  $python -m support.serve --kafka ctest --preset dev --output-junit "$results/unit.xml" -Q
  local code=$?
  [ $code -eq 0 ] || $python -m support.failures "$results/unit.xml"
  return $code
}

tsan_with_servers() {
  $python -m support.serve ctest --preset tsan -E '^targets\.Kafka' --output-junit "$results/tsan.xml" -Q
  local code=$?
  [ $code -eq 0 ] || $python -m support.failures "$results/tsan.xml"
  return $code
}

fuzz() {
  local seconds=10 target
  [ $full = 0 ] || seconds=120
  for target in build/fuzz/tests/fuzz/*_fuzz; do
    [ -x "$target" ] || continue
    mkdir -p "$results/corpus"
    step "fuzz ${target##*/} for $seconds s" "$target" -max_total_time=$seconds -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 \
      -artifact_prefix="$results/" "$results/corpus" $(corpus_of "$target") || true
    rm -rf "$results/corpus"
  done
}
corpus_of() { local folder="tests/fuzz/corpus/$(basename "$1" _fuzz)"; [ ! -d "$folder" ] || echo "$folder"; }

# Each patch of tests/rules counts as one test.
rules() {
  local line rule code
  bash tests/rules/run.sh | while IFS= read -r line; do
    echo "$line"
    rule=${line#rule } rule=${rule%%:*}
    case $line in
      *": seen failing: "*) echo "passed 0 rule $rule" ;;
      *": FAILED: "*) echo "failed 0 rule $rule" ;;
    esac >>"$results/steps.txt"
  done
  code=${PIPESTATUS[0]}
  [ $code -eq 0 ] || grep -q '^failed 0 rule ' "$results/steps.txt" || echo "failed 0 rules: ended with $code" >>"$results/steps.txt"
  return $code
}

timed() { # timed NAME COMMAND...: a part whose steps count themselves
  local name=$1 start=$SECONDS code=0
  shift
  "$@" || code=$?
  times+=("$name $((SECONDS - start)) s")
  case $name in install|*build) set_up=$((set_up + SECONDS - start)) ;; esac
  return $code
}
set_up=0 # seconds of installing and compiling: on a machine that has never built it, most of the run

if ! dpkg-query -W apt >/dev/null 2>&1; then echo "tests/run.sh needs Debian"; fi
say "what is missing is installed"
timed install step "packages" install_build_tools $server_packages $test_packages || true
for server in pg14 pg16 pg17 pg18; do step "server $server" install_server $server || true; done
step "ClickHouse server" install_clickhouse || true
wish "Apache Kafka" install_kafka kafka || true
wish "Apache Kafka 3.9" install_kafka kafka39 || true
step "node-postgres" install_node_client || true
step "locales" install_locales || true
step "browser" install_browser || true
step "Ansible" install_python ansible || true

if wanted layers; then
  say "layers"
  suite layers pytest layers tests/unit
fi
if wanted unit; then
  say "dev build (address and undefined-behaviour sanitizers) and unit tests"
  timed "dev build" step "dev build" preset dev && suite unit ctest_with_servers
fi
if wanted fuzz; then
  say "fuzzing"
  timed "fuzz build" step "fuzz build" preset fuzz && timed fuzz fuzz
fi
release=0
for part in sql scenario fault bench quickstart named; do
  if wanted $part && [ $release = 0 ]; then
    say "release build"
    release=1
    timed "release build" step "release build" preset release peerd || true
  fi
done
if wanted named; then
  say "${names[*]}"
  expression=$(printf ' or %s' "${names[@]}")
  suite named pytest named tests/sql tests/scenario tests/fault -k "${expression# or }"
fi
if wanted sql; then
  say "SQL scripts through psql"
  suite sql pytest sql tests/sql
fi
if wanted scenario; then
  say "scenarios on real servers"
  suite scenario scenarios scenario tests/scenario
fi
if wanted fault; then
  say "kills"
  suite fault pytest fault -s tests/fault
fi
if wanted bench; then
  say "bench, smoke only: floors are asserted by tests/bench/run.sh"
  timed bench step "bench smoke" bash tests/bench/run.sh --smoke || true
fi
if wanted quickstart; then
  say "quickstart"
  timed quickstart step "config/quickstart.sh --once" bash config/quickstart.sh --once || true
fi
if wanted tsan; then
  say "thread sanitizer"
  # librdkafka makes its threads and locks by C11's functions, which gcc 12's sanitizer does not know: it dies in them.
  timed "tsan build" step "tsan build" preset tsan && suite tsan tsan_with_servers
  echo "skipped 0 tsan: the tests of Kafka's target (librdkafka's C11 threads are unknown to the sanitizer)" >>"$results/steps.txt"
fi
if wanted tidy; then
  say "clang-tidy"
  timed tidy step "tidy" preset tidy || true
fi
if wanted docker; then
  say "docker"
  timed docker step "docker" bash docker/verify.sh || true
fi
if wanted rules; then
  say "rules: each taken out of the code, its test must fail"
  timed rules rules || true
fi

say "done"
printf '  %s\n' "${times[@]}"
minutes=$(((SECONDS - begin - set_up) / 60))
# The budget is 30 minutes of an idle machine; ten more for one that is not.
if [ $full = 0 ] && [ $minutes -ge 40 ] && [ ${#only[@]} -eq 0 ]; then
  echo "failed $((SECONDS - begin)) the tests within 40 minutes" >>"$results/steps.txt"
fi
$python -m support.totals "$results"
