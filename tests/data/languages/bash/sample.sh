#!/usr/bin/env bash
# Builds things.
# More.

set -euo pipefail
source "$(dirname "$0")/lib/common.sh"
. ./helpers.sh
source lib/other.sh

readonly LIMIT=3
export PATH="/x:$PATH"
NAME=${1:-world}
declare -A table=([a]=1)

# Says hello.
#
# More.
greet() {
  local who="$1"
  if [[ -z "$who" && -n "$2" ]]; then
    echo "no" >&2
    exit 1
  fi
  curl -s "http://x" | jq . > "$out"
  rm -rf "$tmp" || return 1
  for f in *; do cp "$f" /tmp; done
  case "$1" in
    a) helper ;;
    *) die "x" ;;
  esac
}

function _private {
  trap cleanup EXIT
  eval "$x"
  python3 run.py &
}

@test "adds" {
  run greet
}

main() { greet "$@"; }
main "$@"
