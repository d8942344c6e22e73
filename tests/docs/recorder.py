"""Stands in for the instance on host B and says at the end, as JSON, what it was asked.

python -m tests.docs.recorder PORT      (until its standard input ends)
"""

from __future__ import annotations

import json
import sys

from tests.nginx.standin import StandIn

if __name__ == "__main__":
    standin = StandIn("v1-4", "v1", int(sys.argv[1]))
    standin.start()
    sys.stdin.read()
    standin.stop()
    asked = [[got.method, got.path, got.headers, got.body.decode()] for got in standin.received]
    sys.stdout.write(json.dumps(asked))
