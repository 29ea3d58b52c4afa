#!/usr/bin/env bash
# tests/rules/run.sh [NN|NN-word...]
#   Each NN-word.patch takes one rule that keeps rows (docs/semantics.md says what follows from them) out of the code. For
#   each, in a copy of the tree under build/rules: the patch is applied, what its test needs is built, the test must FAIL,
#   the patch is taken back. A patch that does not apply or build, or under which the test passes, is a failure. Before,
#   all of these tests must pass without a patch. NN, NN-word: only the rules of these numbers, these patches.
#   A patch begins with comment lines:
#     # rule: the rule in a sentence
#     # build: dev MODULE_test         or: release peerd
#     # test: gtest filter             or: pytest -k expression of tests/scenario
#   not-shown.txt lists the rules without a patch and why; they do not count as passed.
#   Ends with `N passed, N failed`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=$PWD/tests/rules copy=$PWD/build/rules
export GIT_CEILING_DIRECTORIES=$PWD/build # `git apply` in the copy must not find this repository around it.

mkdir -p "$copy"
find "$copy" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
git ls-files -z --cached --others --exclude-standard | tar --null -T - -c --ignore-failed-read 2>/dev/null | tar -x -m -C "$copy" # -m: what an older copy built from other text is built anew; ccache makes it quick
cd "$copy"
source tests/support/install.sh
export PYTHONPATH=$copy/tests PYTHONDONTWRITEBYTECODE=1
output=$(mktemp /tmp/peerd-rule.XXXXXX)
trap 'rm -f "$output"' EXIT

field() { sed -n "s/^# $2: //p" "$1" | head -1; }

build() { # build PRESET TARGET...
  { [ -f "build/$1/build.ninja" ] || cmake --preset "$1"; } >"$output" 2>&1 &&
    cmake --build --preset "$1" -j "${PEERD_RULES_JOBS:-$(nproc)}" --target "${@:2}" >"$output" 2>&1
}

# run PRESET TARGET TEST: 0 = it passed, 1 = an assertion failed, 2 = anything else: nothing ran, skipped, hung, crashed.
run() {
  local code=0 kafka=()
  if [ "$1" = dev ]; then
    if [[ $3 = *Kafka* ]]; then kafka=(--kafka); fi
    timeout 300 /usr/bin/python3 -m support.serve "${kafka[@]}" "build/dev/$2" --gtest_color=no --gtest_filter="$3" >"$output" 2>&1 || code=$?
    if grep -qE '^\[==========\] Running 0 tests|^\[  SKIPPED ' "$output"; then return 2; fi
    if [ $code = 0 ]; then return 0; fi
    if [ $code = 1 ] && grep -q '^\[  FAILED  \]' "$output"; then return 1; fi
  else
    timeout 600 /usr/bin/python3 -m pytest -c tests/pytest.ini --rootdir=tests -q --tb=short tests/scenario -k "$3" >"$output" 2>&1 || code=$?
    if [ $code -le 1 ]; then return $code; fi
  fi
  return 2
}

# The first assertion that failed, on one line.
failure() {
  if [ "$1" = dev ]; then
    awk '/: Failure$/ && !left {left = 7; where = $1 == "unknown" ? "an exception:" : $1; sub(/.*\//, "", where); sub(/:$/, "", where); printf "%s", where; next}
         left && (/^$/ || /^\[/) {exit} left {gsub(/^ +/, ""); printf " %s", $0; if (!--left) exit}' "$output" | cut -c1-240
  else
    sed -n 's/^E  *//p' "$output" | head -1 | cut -c1-240
  fi
}

patches=()
for patch in "$folder"/*.patch; do
  name=$(basename "$patch" .patch | sed 's/^0*//')
  if [ $# -eq 0 ] || printf '%s\n' "$@" | sed 's/^0*//' | grep -qx -e "${name%%-*}" -e "$name"; then patches+=("$patch"); fi
done
passed=0 failed=0
fail() { # fail RULE WHY
  echo "rule $1: FAILED: $2"
  tail -25 "$output" | sed 's/^/    /'
  failed=$((failed + 1))
}

# Unpatched, everything passes: one run per binary.
declare -A filters=()
for patch in "${patches[@]}"; do
  key=$(field "$patch" build) test=$(field "$patch" test)
  if [[ $key = dev* ]]; then filters[$key]+=${filters[$key]:+:}$test; else filters[$key]+=${filters[$key]:+ or }$test; fi
done
for key in "${!filters[@]}"; do
  read -r preset target <<<"$key"
  if ! build "$preset" "$target"; then fail "none ($key)" "it does not build"
  elif ! run "$preset" "$target" "${filters[$key]}"; then fail "none ($key)" "these tests do not pass unpatched"; fi
done
if [ $failed -gt 0 ]; then
  echo "$passed passed, $failed failed"
  exit 1
fi

for patch in "${patches[@]}"; do
  rule=$(basename "$patch" .patch) test=$(field "$patch" test)
  read -r preset target <<<"$(field "$patch" build)"
  if ! git apply "$patch" >"$output" 2>&1; then
    fail "$rule" "the patch does not apply"
    continue
  fi
  if ! build "$preset" "$target"; then
    fail "$rule" "it does not build"
  else
    run "$preset" "$target" "$test"
    case $? in
      0) fail "$rule" "$test passes without the rule" ;;
      1) echo "rule $rule: seen failing: $(failure "$preset")"
         passed=$((passed + 1)) ;;
      *) fail "$rule" "$test did not end by an assertion" ;;
    esac
  fi
  git apply -R "$patch"
done
if [ $# -eq 0 ]; then sed -n 's/^\([0-9][0-9]\) \(.*\)/rule \1: not shown: \2/p' "$folder/not-shown.txt"; fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
