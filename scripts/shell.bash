# Start-up file of `make shell`: the person's own, then this folder's tools before
# whatever that put on PATH (version switchers prepend their own python).
# shellcheck shell=bash
if [ -r ~/.bashrc ]; then
  # shellcheck disable=SC1090
  . ~/.bashrc
fi
switchyard_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ "${SWITCHYARD_TOOLS:-}" != nix ]; then # that shell's tools are on PATH already
  PATH="$switchyard_root/.tools/bin:$switchyard_root/.venv/bin:$PATH"
fi
PS1="(switchyard) $PS1"
unset switchyard_root
