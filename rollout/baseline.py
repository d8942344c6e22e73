"""Makes the model of the candidate that of the stable version: one folder takes another's place.

A model is a folder of var/models with a manifest.json that names every file with its sha256. The
first 12 digits of the manifest's own sha256 name the model, and services say them at /healthz.
"""

import fcntl
import hashlib
import json
import shutil
from pathlib import Path
from typing import Final

MODELS: Final = Path("var/models")
PREVIOUS: Final = ".previous"
"""Ending of the folder that keeps what was replaced: `make adopt UNDO=1` exchanges the two."""
_DIGEST_LENGTH: Final = 12


class NotInstalled(Exception):
    """The model cannot take the place of the other one (now). Says why."""


def digest_of(root: Path, version: str) -> str | None:
    """The name of the model in the slot of a version, None where there is no model."""
    try:
        content = (root / MODELS / version / "manifest.json").read_bytes()
    except OSError:
        return None
    return hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]


def install(root: Path, source: str, slot: str, digest: str) -> None:
    """Put a copy of the model of version `source` into the slot of version `slot`.

    Nothing happens where it is there already, so that it may be called again after a kill at any
    point. What was there is kept (PREVIOUS). Raises NotInstalled, OSError.
    """
    models = root / MODELS
    with (models / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotInstalled("waiting for a training or an adoption to end") from None
        if digest_of(root, slot) == digest:
            return
        growing = models / f".finishing-{slot}"
        if growing.exists():
            shutil.rmtree(growing)
        shutil.copytree(models / source, growing)
        _verify(growing, digest)
        place, previous = models / slot, models / f"{slot}{PREVIOUS}"
        retired = models / f".retired-{slot}"
        if retired.exists():
            shutil.rmtree(retired)
        # After a kill between the two renames there is no `place`, and `previous` is right.
        if place.exists():
            if previous.exists():
                previous.rename(retired)
            place.rename(previous)
        growing.rename(place)
        if retired.exists():
            shutil.rmtree(retired)


def _verify(folder: Path, digest: str) -> None:
    content = (folder / "manifest.json").read_bytes()
    found = hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]
    if found != digest:
        raise NotInstalled(f"the slot of the candidate now holds {found}, promoted was {digest}")
    for name, entry in json.loads(content)["files"].items():
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
                raise NotInstalled(f"{name} of the candidate does not match its manifest")
