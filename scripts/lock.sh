#!/usr/bin/env bash
# Writes the hashed locks anew from pyproject.toml and tools/*.in.
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
compile tools/requirements-uv.in -o tools/requirements-uv.lock
compile tools/requirements-go.in -o tools/requirements-go.lock
(cd tools && GOTOOLCHAIN=local go mod tidy)
