#!/usr/bin/env bash
# src/web/embed.sh OUT: writes OUT/embedded.cc, which holds every file below src/web/page and, as lib/…, of OUT/lib: plain,
# and as gzip has it. Run by the build.
set -euo pipefail
out=$(cd "$1" && pwd)
page=$(cd "$(dirname "$0")/page" && pwd)

fail() { echo "src/web/page: $*" >&2; exit 1; }

type_of() {
  case $1 in
    *.html) echo 'text/html; charset=utf-8' ;;
    *.css) echo 'text/css; charset=utf-8' ;;
    *.js) echo 'text/javascript; charset=utf-8' ;;
    *.svg) echo 'image/svg+xml' ;;
    *.txt) echo 'text/plain; charset=utf-8' ;;
    *) fail "$1 is none of html, css, js, svg, txt: src/web/embed.sh knows no content type for it" ;;
  esac
}

[ ! -e "$page/lib" ] || fail "lib/ is the place of what comes from npm: name yours otherwise"
rm -rf "$out/files" "$out/gzip"
cp -rL "$page" "$out/files"
cp -r "$out/lib" "$out/files/lib"

names=() code='' table=''
while read -r name; do
  [[ $name =~ ^[A-Za-z0-9._/-]+$ ]] || fail "\"$name\" has more than letters, digits, . _ - in its name"
  type=$(type_of "$name")
  symbol=peerd_page_${#names[@]}
  names+=("$name")
  packed=$out/gzip/$name.gz
  mkdir -p "${packed%/*}"
  gzip -9nc "$out/files/$name" >"$packed"
  for part in "$symbol $out/files/$name" "${symbol}_gzip $packed"; do
    code+="  .globl ${part%% *}"$'\n'"  .hidden ${part%% *}"$'\n'"${part%% *}:"$'\n'"  .incbin \"${part#* }\""$'\n'
  done
  table+="    {\"$name\", \"$type\", {$symbol, $(stat -c %s "$out/files/$name")}, {${symbol}_gzip, $(stat -c %s "$packed")},"
  table+=" \"W/\\\"$(sha256sum <"$out/files/$name" | cut -c1-32)\\\"\"},"$'\n'
done < <(cd "$out/files" && find . -type f -printf '%P\n' | LC_ALL=C sort)

{
  printf '// Made by src/web/embed.sh.\n#include "peerd/web/assets.h"\n\n'
  printf 'asm(R"(\n  .pushsection .rodata\n%s  .popsection\n)");\n\n' "$code"
  for i in "${!names[@]}"; do
    printf 'extern "C" __attribute__((visibility("hidden"))) const char peerd_page_%d[], peerd_page_%d_gzip[];\n' "$i" "$i"
  done
  printf '\nnamespace peerd::web {\n\nstd::span<const Asset> assets() {\n  static constexpr Asset kAll[] = {\n%s  };\n  return kAll;\n}\n\n}  // namespace peerd::web\n' "$table"
} >"$out/embedded.new"
mv "$out/embedded.new" "$out/embedded.cc"
