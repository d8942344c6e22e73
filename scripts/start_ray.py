"""`make start-ray`: the workspace with its services on two nodes of Ray Serve."""

from __future__ import annotations

from scripts import start_project
from scripts.overlay import RAY

if __name__ == "__main__":
    raise SystemExit(start_project.run(RAY))
