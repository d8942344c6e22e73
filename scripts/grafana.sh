#!/bin/sh
# Starts Grafana in the foreground, where a grafana binary is on PATH. Without one it says
# so in one line and succeeds: Grafana is the only optional part of the workspace.
#
# GRAFANA_HOME names Grafana's own files (conf/defaults.ini, public/) where they are not
# beside the binary.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

if binary=$(command -v grafana); then
    subcommand=server
elif binary=$(command -v grafana-server); then # the only name before version 9.2
    subcommand=
else
    # shellcheck disable=SC2016 # the backquotes are for the reader
    echo 'Grafana was not started: no grafana binary on PATH (optional; `nix develop` brings one).' >&2
    exit 0
fi

# Nix and Debian packages install to ../share/grafana, the tar archive beside bin/.
bin=$(dirname -- "$(readlink -f -- "$binary")")
homepath=
for folder in "${GRAFANA_HOME:-}" "$bin/../share/grafana" "$bin/.." /usr/share/grafana; do
    if [ -n "$folder" ] && [ -f "$folder/conf/defaults.ini" ]; then
        homepath=$(CDPATH='' cd -- "$folder" && pwd)
        break
    fi
done
if [ -z "$homepath" ]; then
    echo "$binary: conf/defaults.ini was not found beside it. Set GRAFANA_HOME to the folder that holds conf/ and public/." >&2
    exit 2
fi

data=$root/var/grafana
mkdir -p -- "$data"

# Used in monitoring/grafana/provisioning/dashboards/files.yml.
export SWITCHYARD_DASHBOARDS="$root/monitoring/grafana/dashboards"

# `cfg:` wins over the file. Relative paths would start at --homepath, so all are absolute.
exec "$binary" ${subcommand:+"$subcommand"} \
    --homepath "$homepath" \
    --config "$root/monitoring/grafana/grafana.ini" \
    "cfg:paths.data=$data" \
    "cfg:paths.logs=$data/log" \
    "cfg:paths.plugins=$data/plugins" \
    "cfg:paths.provisioning=$root/monitoring/grafana/provisioning" \
    "cfg:dashboards.default_home_dashboard_path=$SWITCHYARD_DASHBOARDS/gateway.json"
