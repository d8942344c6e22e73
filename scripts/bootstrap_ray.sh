#!/usr/bin/env bash
# Installs Ray into .tools/ray, a Python environment of its own from requirements-ray.lock, for
# `make start-ray` and `make test-ray`. Running it again is a no-op. Everything else has to be in
# place: scripts/bootstrap.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
# To the stderr of this script, also from within a command whose output goes to a log.
exec 8>&2
say() { printf '%s\n' "setup: $*" >&8; }
# shellcheck source=/dev/null
. scripts/patiently.sh

if [ "${SWITCHYARD_TOOLS:-}" = nix ]; then
  say "Ray is no part of the Nix shell: leave it and use make start-ray on Debian or Ubuntu"
  exit 2
fi
SYSTEM_CA=/etc/ssl/certs/ca-certificates.crt
if [ -r "$SYSTEM_CA" ]; then export SSL_CERT_FILE="${SSL_CERT_FILE:-$SYSTEM_CA}"; fi
export UV_PYTHON_DOWNLOADS=never

# Written last, so what an interrupted run left is not trusted. With the lock it names the Python
# that both environments are of.
synced=.tools/ray/synced
of=$(sha256sum <requirements-ray.lock && .venv/bin/python -c 'import os, sys; print(os.path.realpath(sys._base_executable), sys.version)')
if [ "$(cat "$synced" 2>/dev/null)" = "$of" ]; then exit 0; fi
say "installing Ray into .tools/ray (80 MB to fetch, 600 MB on disk)"
.tools/bin/uv venv --quiet --clear --python .venv/bin/python .tools/ray
patiently "fetching Ray" .tools/bin/uv pip sync --quiet --require-hashes --compile-bytecode \
  --python .tools/ray/bin/python requirements-ray.lock 2>.tools/log/ray.log || {
  say "uv could not fetch Ray (log: .tools/log/ray.log): connect this machine to the network and run this again"
  exit 1
}
printf '%s\n' "$of" >"$synced"
say "Ray $(grep -oE '^ray==[0-9.]+' requirements-ray.lock | cut -d= -f3) is in .tools/ray"
