"""The folder of the published models: what is there, and how it is replaced."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from services.artefact import ArtefactError, Origin, origin_of, read_manifest
from services.training.provenance import code_digest, data_digest
from services.training.recipes import Recipe

_LOCK: Final = ".lock"
_WORKSPACE: Final = ".training-"
_RETIRED: Final = ".retired-"
_SWAPPED: Final = ".swapped-"
PREVIOUS: Final = ".previous"
"""Ending of the folder that keeps the model which another one replaced."""


def outdated(models_dir: Path, recipe: Recipe, files: dict[str, str]) -> str | None:
    """Why a version must be trained, or None where its folder is up to date.

    The contents of the files are not verified here: a service refuses an altered
    model, and silently training another one would hide it.
    """
    folder = models_dir / recipe.version
    try:
        manifest, _ = read_manifest(folder)
    except ArtefactError as error:
        return "not trained yet" if not folder.exists() else str(error)
    for name, entry in manifest["files"].items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != entry["size"]:
            return f"{name} is missing or cut short"
    if manifest.get("data", {}).get("digest") != data_digest(files):
        return "the data changed"
    if manifest.get("recipe") != asdict(recipe):
        return "the recipe changed"
    if manifest.get("code") != code_digest():
        return "the code changed"
    return None


def origin(models_dir: Path, version: str) -> Origin:
    """Where the present model of a version comes from; shipped where there is none."""
    try:
        manifest, _ = read_manifest(models_dir / version)
    except ArtefactError:
        return Origin.SHIPPED
    found = origin_of(manifest)
    if found is Origin.SHIPPED and manifest["version"] != version:
        return Origin.PROMOTED
    return found


@contextmanager
def exclusive(models_dir: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Let only one training write to the folder at a time; waits for another one."""
    models_dir.mkdir(parents=True, exist_ok=True)
    with (models_dir / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another training to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def workspace(models_dir: Path) -> Iterator[Path]:
    """A folder for unfinished models, on the same file system; gone afterwards.

    Call within `exclusive`: what an earlier, killed training left is removed.
    """
    for left in (*models_dir.glob(f"{_WORKSPACE}*"), *models_dir.glob(f"{_RETIRED}*")):
        shutil.rmtree(left)
    folder = models_dir / f"{_WORKSPACE}{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def publish(finished: Path, models_dir: Path, version: str, keep: bool = False) -> None:
    """Put a finished folder in the place of the version's present one.

    By renaming: a service that starts meanwhile finds the old folder, the new one or
    (for the moment between two renames) none, but never half of each. With `keep` the
    present one becomes the previous one, which `undo` brings back.
    """
    place, retired = models_dir / version, models_dir / f"{_RETIRED}{version}"
    previous = models_dir / f"{version}{PREVIOUS}"
    keep = keep and place.exists()
    if keep and previous.exists():
        previous.rename(retired)
    if place.exists():
        place.rename(previous if keep else retired)
    finished.rename(place)
    if retired.exists():
        shutil.rmtree(retired)


def undo(models_dir: Path, version: str) -> bool:
    """Exchange the present model of a version with the previous one; False without one."""
    place, previous = models_dir / version, models_dir / f"{version}{PREVIOUS}"
    if not previous.is_dir():
        return False
    swapped = models_dir / f"{_SWAPPED}{version}"
    if place.exists():
        place.rename(swapped)
    previous.rename(place)
    if swapped.exists():
        swapped.rename(previous)
    return True


def replace_text(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8", newline="")
    temporary.replace(path)
