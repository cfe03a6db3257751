#!/usr/bin/env bash
# Checks, without a network or a login, that what is deployed is what we mean: builds with the real command line tool,
# looks at the result, starts the built publish function as the platform does, and asks every route of `vercel dev`.
#
# Works on a copy of the tree, so that nobody's `.env` or linked `.vercel/` takes part or is touched.
# FIRESTORE_EMULATOR_HOST: a running emulator; without it the embedded store is started.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
tools=$root/tools/vercel
cli=$tools/node_modules/.bin/vercel
work=$root/target/vercel
tree=$work/tree

started=()
finish() {
  local status=$?
  trap - EXIT
  for pid in "${started[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
  if [ "$status" != 0 ] && [ -s "$work/dev.log" ]; then
    echo "--- end of target/vercel/dev.log" >&2
    tail -n 40 "$work/dev.log" >&2
  fi
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Runs a command in a process group of its own, which `finish` ends as a whole.
background() {
  local log=$1
  shift
  setsid "$@" </dev/null >"$log" 2>&1 &
  started+=("$!")
}

free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

step() { echo "vercel: $*"; }

for tool in git node npm cargo setsid; do
  command -v "$tool" >/dev/null && continue
  echo "vercel: SKIPPED, $tool is not installed" >&2
  [ "${CI:-}" = true ] && exit 1
  exit 0
done
if [ "$("$cli" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)" != 64.0.2 ]; then
  step "installing the command line tool"
  npm install --prefix "$tools" --no-audit --no-fund --loglevel=error
fi

mkdir -p "$work"
rm -rf "$tree" "$work/dev.log"
mkdir "$tree"
git ls-files -z --cached --others --exclude-standard \
  | while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done \
  | tar --null --files-from=- -cf - | tar -C "$tree" -xf -
cd "$tree"

export CARGO_TARGET_DIR=$root/target
export VERCEL_TELEMETRY_DISABLED=1
run_cli() { "$cli" --global-config "$work/config" "$@"; }

if [ -z "${FIRESTORE_EMULATOR_HOST:-}" ]; then
  step "starting the embedded store"
  port=$(free_port)
  (cd "$root" && cargo build --quiet -p firestore-embedded)
  background "$work/store.log" "$root/target/debug/firestore-embedded" --port "$port"
  FIRESTORE_EMULATOR_HOST=127.0.0.1:$port
fi
# The functions' settings. Nothing here is a secret of anybody's, and every outside address leads nowhere.
export FIRESTORE_EMULATOR_HOST
export PUBLIC_URL=https://api.example.com APP_ORIGINS=https://app.example.com
export FIREBASE_PROJECT_ID=demo-vercel-check CRON_SECRET=fake-cron-secret-0123456789
export TOKEN_KEYS=k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
export X_CLIENT_ID=fake-x-id X_CLIENT_SECRET=fake-x-secret
export META_APP_ID=fake-meta-id META_APP_SECRET=fake-meta-secret
export TIKTOK_CLIENT_KEY=fake-tiktok-key TIKTOK_CLIENT_SECRET=fake-tiktok-secret
nowhere=http://127.0.0.1:9
export X_API_URL=$nowhere X_AUTHORIZE_URL=$nowhere META_GRAPH_URL=$nowhere META_UPLOAD_URL=$nowhere
export META_DIALOG_URL=$nowhere TIKTOK_API_URL=$nowhere TIKTOK_AUTHORIZE_URL=$nowhere
export FIREBASE_KEYS_URL=$nowhere FIREBASE_SESSION_KEYS_URL=$nowhere

step "reading the manifests"
node "$tools/manifests.mjs" "$tree"

# Any value makes the builder use plain `cargo build --release`, as it does on Vercel's own machines.
step "building (log in target/vercel/build.log)"
mkdir .vercel
printf '{"projectId":"prj_local","orgId":"team_local","settings":{"framework":null}}' >.vercel/project.json
if ! VERCEL_BUILD_IMAGE=local run_cli build --prod --yes </dev/null >"$work/build.log" 2>&1; then
  tail -n 60 "$work/build.log" >&2
  exit 1
fi
node "$tools/output.mjs" "$tree"

publish=$root/target/release/cron_publish
step "starting the built publish function as the platform does"
node "$tools/binary.mjs" "$publish"

step "publishing one post with it"
deployed() { (cd "$root" && PUBLISH_BINARY=$publish cargo test --quiet -p social-functions --test deployed -- --nocapture); }
if [ -e "$root/tests/deployed.rs" ] || [ -d "$root/tests/deployed" ]; then
  deployed
elif [ "${REQUIRE_DEPLOYED:-}" = 1 ]; then
  echo "vercel: there is no test named deployed" >&2
  exit 1
else
  step "SKIPPED, there is no test named deployed"
fi

# `vercel dev` asks the network about a project that is linked, so the link that the build needed has to go.
step "asking every route of \`vercel dev\` (the first requests compile; log in target/vercel/dev.log)"
rm -rf .vercel
port=$(free_port)
background "$work/dev.log" "$cli" --global-config "$work/config" dev --local --listen "127.0.0.1:$port" \
  --queue-port "$(free_port)" --schedules-port "$(free_port)"
node "$tools/routes.mjs" "http://127.0.0.1:$port"
step "all as expected"
