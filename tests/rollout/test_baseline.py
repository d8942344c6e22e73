"""The candidate's model takes the stable slot: whole, once, and nothing is lost."""

from __future__ import annotations

import fcntl
import hashlib
import json
from pathlib import Path

import pytest

from rollout import baseline
from rollout.baseline import MODELS, NotInstalled, digest_of, install


def model(root: Path, slot: str, text: str) -> str:
    folder = root / MODELS / slot
    folder.mkdir(parents=True)
    (folder / "model.folded").write_text(text)
    entry = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "size": len(text)}
    (folder / "manifest.json").write_text(json.dumps({"files": {"model.folded": entry}}))
    digest = digest_of(root, slot)
    assert digest is not None
    return digest


def served(root: Path, slot: str) -> str:
    return (root / MODELS / slot / "model.folded").read_text()


def test_it_takes_the_place_and_what_was_there_is_kept(tmp_path: Path) -> None:
    old, new = model(tmp_path, "v1", "old"), model(tmp_path, "v2", "new")
    install(tmp_path, "v2", "v1", new)
    assert [served(tmp_path, slot) for slot in ("v1", "v1.previous", "v2")] == ["new", "old", "new"]
    assert digest_of(tmp_path, "v1.previous") == old
    assert not [path for path in (tmp_path / MODELS).iterdir() if path.name[0] == "."][1:]


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    model(tmp_path, "v1", "old")
    new = model(tmp_path, "v2", "new")
    install(tmp_path, "v2", "v1", new)
    before = (tmp_path / MODELS / "v1").stat().st_ino
    install(tmp_path, "v2", "v1", new)
    assert (tmp_path / MODELS / "v1").stat().st_ino == before
    assert served(tmp_path, "v1.previous") == "old"


class Killed(BaseException):
    """In place of kill -9: nothing of the program runs after it."""


@pytest.mark.parametrize("older", [True, False])
@pytest.mark.parametrize("at", range(4))
def test_killed_at_any_renaming_it_is_done_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, older: bool
) -> None:
    old, new = model(tmp_path, "v1", "old"), model(tmp_path, "v2", "new")
    if older:
        model(tmp_path, "v1.previous", "older")
    real, calls = Path.rename, 0

    def rename(self: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == at:
            raise Killed
        return real(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", rename)
        try:
            install(tmp_path, "v2", "v1", new)
        except Killed:
            assert at <= 2 + older
    install(tmp_path, "v2", "v1", new)
    assert (served(tmp_path, "v1"), served(tmp_path, "v1.previous")) == ("new", "old")
    assert digest_of(tmp_path, "v1.previous") == old
    assert not list((tmp_path / MODELS).glob(".finishing-*"))
    assert not list((tmp_path / MODELS).glob(".retired-*"))


def test_another_candidate_than_the_promoted_is_refused(tmp_path: Path) -> None:
    old = model(tmp_path, "v1", "old")
    model(tmp_path, "v2", "another")
    with pytest.raises(NotInstalled, match="promoted was 0123456789ab"):
        install(tmp_path, "v2", "v1", "0123456789ab")
    assert digest_of(tmp_path, "v1") == old


def test_a_damaged_candidate_is_refused(tmp_path: Path) -> None:
    old, new = model(tmp_path, "v1", "old"), model(tmp_path, "v2", "new")
    (tmp_path / MODELS / "v2/model.folded").write_text("bad")
    with pytest.raises(NotInstalled, match=r"model\.folded of the candidate does not match"):
        install(tmp_path, "v2", "v1", new)
    assert digest_of(tmp_path, "v1") == old


def test_it_waits_for_a_training(tmp_path: Path) -> None:
    model(tmp_path, "v1", "old")
    new = model(tmp_path, "v2", "new")
    with (tmp_path / MODELS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(NotInstalled, match="training"):
            install(tmp_path, "v2", "v1", new)
    install(tmp_path, "v2", "v1", new)
    assert served(tmp_path, "v1") == "new"


def test_no_model_has_no_digest(tmp_path: Path) -> None:
    assert digest_of(tmp_path, "v1") is None
    assert baseline.PREVIOUS == ".previous"
