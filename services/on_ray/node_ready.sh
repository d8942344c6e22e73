#!/bin/sh
# Whether a node of Ray could carry the service alone: node_ready.sh AGENT PROXY OTHER, three ports
# of this machine. The raylet has to run and the Serve proxy of the node to answer: Serve starts it
# some seconds after the node, and whoever stops the other node before that stops all of it. Where
# the proxy of the other node does not answer either, nothing is deployed yet, or was lost.
unset GATEWAY_PASSWORD
answers() {
  curl --silent --fail --noproxy '*' --max-time 2 --output /dev/null "http://127.0.0.1:$1"
}
answers "$1/api/local_raylet_healthz" && { answers "$2/-/healthz" || ! answers "$3/-/healthz"; }
