"""Reads an access log as the dashboard does, without a screen: `python -m bench.log_reader LOG`."""

import sys
import time
from pathlib import Path

from dashboard.events import Hit
from dashboard.model import Model
from gateway.accesslog import parse


def main() -> None:
    """Print how many requests it holds."""
    model = Model()
    with Path(sys.argv[1]).open("rb") as log:
        for line in log:
            model.apply(Hit(time.time(), parse(line.rstrip(b"\n"))))
    sys.stdout.write(f"{model.hits}\n")


if __name__ == "__main__":
    main()
