#!/usr/bin/env bash
# Walks through the console page in a real browser: connect, compose, schedule, published.
#
#   tools/browser/run.sh [--screenshots] [PROGRAM]
#
# PROGRAM: a built social-local, default target/debug/social-local, built when it is not given.
# --screenshots: the picture goes to docs/images/, else to artefacts/. CHROMIUM: the browser, default /usr/bin/chromium.
set -euo pipefail
cd "$(dirname "$0")/../.."

chromium=${CHROMIUM:-/usr/bin/chromium}
missing=
command -v node >/dev/null && command -v npm >/dev/null || missing="node and npm are"
[ -x "$chromium" ] || missing="$chromium is"
if [ -n "$missing" ]; then
  echo "browser: SKIPPED, $missing not installed" >&2
  [ "${CI:-}" = true ] && exit 1
  exit 0
fi

pictures=artefacts
program=
for argument in "$@"; do
  case $argument in
    --screenshots) pictures=docs/images ;;
    -*) echo "browser: unknown option $argument" >&2; exit 2 ;;
    *) program=$argument ;;
  esac
done

[ -d tools/browser/node_modules/playwright-core ] || npm install --prefix tools/browser --no-audit --no-fund --loglevel=error
if [ -z "$program" ]; then
  program=target/debug/social-local
  cargo build --quiet -p social-local
fi
mkdir -p "$pictures"
exec node tools/browser/console.mjs "$program" "$chromium" "$pictures"
