#!/usr/bin/env bash
# Writes the locks anew from pyproject.toml, tools/*.in, tools/go.mod and tools/devcontainers/.
# The locks hold names, versions and hashes, never a download address.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.tools/bin:$PATH"
export UV_CUSTOM_COMPILE_COMMAND="scripts/lock.sh"

compile() {
  uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
    --no-emit-index-url --no-emit-find-links --upgrade "$@"
}
compile pyproject.toml -o requirements.lock
compile pyproject.toml --extra dev -o requirements-dev.lock
compile pyproject.toml --extra ray -o requirements-ray.lock
compile tools/requirements-uv.in -o tools/requirements-uv.lock
compile tools/requirements-go.in -o tools/requirements-go.lock
compile tools/requirements-node.in -o tools/requirements-node.lock
(cd tools && GOTOOLCHAIN=local go mod tidy)
(cd tools/devcontainers && npm install --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null)
