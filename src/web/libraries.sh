#!/usr/bin/env bash
# src/web/libraries.sh OUT: fills the folder OUT with the page's libraries, as libraries.txt pins them, and LICENSES.txt.
# Run by the build. The tarballs stay in a cache, so that a second build, or a second clone, needs no network.
set -euo pipefail
out=$1
list=${PEERD_PAGE_LIBRARIES:-$(cd "$(dirname "$0")" && pwd)/libraries.txt}
cache=${PEERD_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:?or PEERD_TEST_CACHE must be set}/.cache}/peerd}/page

fail() { echo "the page's libraries: $*" >&2; exit 1; }

# is_pinned FILE CHECKSUM
is_pinned() {
  [ -e "$1" ] && [ "$(sha512sum <"$1" | cut -d' ' -f1)" = "$(base64 -d <<<"${2#sha512-}" | od -An -v -tx1 | tr -d ' \n')" ]
}

# tarball PACKAGE VERSION CHECKSUM: prints where it lies, after it was fetched and checked.
tarball() {
  local file=$cache/$1-$2.tgz work
  if ! is_pinned "$file" "$3"; then
    command -v npm >/dev/null || fail "npm is missing, which fetches them: apt-get install npm, or put $1 $2 there as $file"
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/.fetch.XXXXXX")
    (cd "$work" && npm pack --loglevel=error "$1@$2" >&2) || {
      rm -rf "$work"
      fail "npm cannot fetch $1 $2: is the registry in reach that 'npm config get registry' names? Or put it there as $file"
    }
    is_pinned "$work/$1-$2.tgz" "$3" || { rm -rf "$work"; fail "$1 $2 has another checksum than $list says: refused"; }
    mv "$work/$1-$2.tgz" "$file"
    rm -rf "$work"
  fi
  echo "$file"
}

# A browser knows no package names, and asks for a source map that is not there.
as_served() { sed -E -e 's#(from *)"preact"#\1"./preact.js"#g' -e '/^\/\/# sourceMappingURL=/d'; }

rm -rf "$out"
mkdir -p "$out/.package"
while read -r package version checksum files; do
  [ -n "$package" ] && [ "${package:0:1}" != '#' ] || continue
  file=$(tarball "$package" "$version" "$checksum")
  rm -rf "$out/.package"/*
  tar -xzf "$file" -C "$out/.package" --strip-components=1
  for one in $files; do as_served <"$out/.package/${one%%=*}" >"$out/${one#*=}"; done
  { printf '%s %s\n\n' "$package" "$version"; cat "$out/.package/LICENSE"; printf '\n\n'; } >>"$out/LICENSES.new"
done <"$list"
rm -rf "$out/.package"
mv "$out/LICENSES.new" "$out/LICENSES.txt"
