"""Recordings: read, folded, shown, and written again."""

from __future__ import annotations

import json
from pathlib import Path

from dashboard.glyphs import UNICODE
from dashboard.lines import plain
from dashboard.model import Model
from dashboard.present import overview
from dashboard.record import BadRecording, from_json, read_recording, to_json
from dashboard.summary import summary
from dashboard.view import View
from tests.fuzz.target import ROOT, Run, Target, check

_FIRST = b'{"format":"switchyard-recording","version":1}\n'
VIEW = View(80, 24, UNICODE)


def recording(root: Path) -> Run:
    """What stands behind a good first line."""
    path = root / "recording.jsonl"

    def run(data: bytes) -> None:
        path.write_bytes(_FIRST + data)
        model, last = Model(), 0.0
        try:
            for event in read_recording(path):
                kept = json.dumps(to_json(event), allow_nan=False, ensure_ascii=False)
                kept.encode()
                again = to_json(from_json(json.loads(kept)))
                check(json.dumps(again, ensure_ascii=False) == kept, "an event that changes")
                model.apply(event)
                last = event.at
        except BadRecording:
            pass
        json.dumps(summary(model, 0.0, last), allow_nan=False, ensure_ascii=False).encode()
        for line in overview(model, VIEW, last, ""):
            plain(line).encode()

    return run


def _seeds() -> list[bytes]:
    """Two of each kind of event in the demo, then a few together."""
    lines = (ROOT / "docs/demo.jsonl").read_bytes().splitlines(keepends=True)[1:]
    kinds: dict[tuple[str, str], list[bytes]] = {}
    for line in lines:
        value = json.loads(line)
        key = value["kind"], str(value.get("trial")) + str(value.get("step", {}).get("kind"))
        kinds.setdefault(key, []).append(line)
    picked = [line for found in kinds.values() for line in (found[0], found[-1])]
    return [line for line in picked if len(line) < 8_000] + [b"".join(lines[:6])]


RECORDING = Target(recording, _seeds, json=True)
