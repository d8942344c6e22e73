# shellcheck shell=bash
# Read by bootstrap.sh: commands that may have to wait for the network, and jobs beside them.
# Needs `say`, which writes to the terminal wherever the output of a command goes.

# What runs in the background has a process group of its own: a script's background
# commands ignore Ctrl-C, so they are ended here, with everything that they started.
groups=()
background() {
  set -m
  "$@" </dev/null &
  set +m
  groups+=("$!")
}
end_groups() {
  local pid
  for pid in "${groups[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
}
trap end_groups EXIT
trap 'say "interrupted; run it again to carry on"; exit 130' INT TERM HUP

# A command that may have to wait for the network: every 15 s a line says what it is at.
heartbeat() {
  local seconds=0
  # `read` ends with more than 128 when its time is up, with 1 when the other end is closed,
  # by `patiently` or by the end of the script, even a violent one.
  while read -r -t 15; [ $? -gt 128 ]; do
    seconds=$((seconds + 15))
    say "still $1, $seconds s"
  done
}
patiently() {
  local what=$1 status=0 beat
  shift
  exec {beat}> >(heartbeat "$what" 9>&-)
  "$@" {beat}>&- || status=$?
  exec {beat}>&-
  return "$status"
}
# The line of a log that tells why something could not be fetched or done.
reason_in() {
  grep -m 1 -iE 'failure resolving|could not (resolve|connect)|failed to lookup|name resolution|no such host|timed out|timeout|refused|unreachable|certificate|no space left|hash' "$1" |
    sed -E "s/^ *//; s/^(cause|[EW]): //i; s/.*\\[Errno [-0-9]+\\] //; s/'\\).*//" || tail -n 1 "$1"
}
