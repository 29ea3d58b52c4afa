#!/usr/bin/env bash
# tests/bench/run.sh [--smoke] [--rows N] [--rounds N] [PART...]
#   Measures peerd side by side with what Postgres itself can do, on this machine, and asserts the floors.
#   --smoke   20,000 rows and one round: only that it works. PART: snapshot stream tables latency memory kafka spool (default: all but the last two).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/support/install.sh
install_build_tools $server_packages $test_packages
install_clickhouse
install_kafka kafka
cmake --preset release >/dev/null
cmake --build --preset release --target peerd walsink | tail -1
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$PWD/tests exec /usr/bin/python3 tests/bench/bench.py "$@"
