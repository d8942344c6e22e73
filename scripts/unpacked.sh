# shellcheck shell=bash
# Read by bootstrap.sh: programs of Debian packages that were unpacked, not installed.
# Needs TOOLS (what is unpacked is in $TOOLS/debian) and BIN (where programs are found).

# The folders of the unpacked libraries; the loader does not look there by itself.
libraries() {
  find "$TOOLS/debian/usr/lib" "$TOOLS/debian/lib" -name 'lib*.so*' -printf '%h\n' 2>/dev/null | sort -u | paste -sd: - || true
}

# The unpacked program NAME, or nothing.
unpacked() {
  local path
  for path in "$TOOLS/debian/usr/sbin/$1" "$TOOLS/debian/usr/bin/$1"; do
    if [ -x "$path" ]; then
      printf '%s\n' "$path"
      return
    fi
  done
  return 1
}

# Whether BIN has NAME from there: as a link, or by the script that `expose` writes.
exposed() {
  local path
  path=$(unpacked "$1") || return 1
  [ "$(readlink "$BIN/$1")" = "$path" ] || grep -qsF "exec '$path'" <(head -c 4096 "$BIN/$1")
}

# The libraries of the program PATH where FOLDERS are looked through first. Its output is taken
# whole: a `grep -q` would close the pipe early, and that is a failure under pipefail.
loaded() { LD_LIBRARY_PATH=$2 ldd "$1" 2>/dev/null || true; }

# Whether each NAME that BIN has from there finds its libraries. What the machine had was not
# unpacked, and may have been removed from it since.
all_load() {
  local name path folders
  folders=$(libraries)
  for name in "$@"; do
    exposed "$name" || continue
    path=$(unpacked "$name")
    case $(loaded "$path" "$folders") in *'not found'*) return 1 ;; esac
  done
}

# Make BIN have NAME from there, if it was unpacked.
expose() {
  local name=$1 path start='' folders assets=$TOOLS/debian/usr/share/prometheus/web/
  path=$(unpacked "$name") || return 0
  folders=$(libraries)
  # A library that was unpacked with it is of its version; that of the machine may be older.
  case $(loaded "$path" "$folders") in *"$TOOLS/debian/"*) start="LD_LIBRARY_PATH='$folders' " ;; esac
  # What nix starts itself is looked for in /usr/libexec.
  if [ "$name" = nix ]; then start+="NIX_LIBEXEC_DIR='$TOOLS/debian/usr/libexec' "; fi
  start+="exec '$path'"
  # Debian's build looks for its web pages in /usr/share.
  if [ "$name" = prometheus ] && [ -d "$assets" ]; then start+=" --web.local-assets='$assets'"; fi
  rm -f "$BIN/$name"
  if [ "$start" = "exec '$path'" ]; then
    ln -s "$path" "$BIN/$name"
  else
    printf '#!/bin/sh\n%s "$@"\n' "$start" >"$BIN/$name"
    chmod +x "$BIN/$name"
  fi
}
