import json
import multiprocessing
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from services.artefact import FOLDED, MANIFEST, Origin
from services.training.publish import (
    exclusive,
    origin,
    outdated,
    publish,
    replace_text,
    workspace,
)
from tests.services.conftest import TinyModel
from tests.services.tiny_corpus import FILES, recipe, silent

RECIPE = recipe("tweets")


@pytest.fixture
def models_dir(tiny_tweets: TinyModel, tmp_path: Path) -> Path:
    shutil.copytree(tiny_tweets.folder, tmp_path / "v1")
    return tmp_path


def test_a_model_of_this_data_code_and_recipe_is_up_to_date(models_dir: Path) -> None:
    assert outdated(models_dir, RECIPE, FILES) is None


def test_why_a_model_is_outdated(models_dir: Path) -> None:
    assert outdated(models_dir, replace(RECIPE, version="v2"), FILES) == "not trained yet"
    assert outdated(models_dir, replace(RECIPE, c=2.0), FILES) == "the recipe changed"
    assert outdated(models_dir, RECIPE, {"other.txt": "1"}) == "the data changed"


def test_a_model_of_other_code_is_outdated(models_dir: Path) -> None:
    path = models_dir / "v1" / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), "code": "0"}))
    assert outdated(models_dir, RECIPE, FILES) == "the code changed"


def test_a_model_of_another_slot_was_promoted_and_is_not_trained_over(models_dir: Path) -> None:
    path = models_dir / "v1" / MANIFEST
    assert origin(models_dir, "v1") is Origin.SHIPPED
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": "v2"}))
    assert origin(models_dir, "v1") is Origin.PROMOTED
    path.write_text(json.dumps({**json.loads(path.read_text()), "origin": "adopted"}))
    assert origin(models_dir, "v1") is Origin.ADOPTED


def test_a_torn_or_missing_file_makes_a_model_outdated(models_dir: Path) -> None:
    path = models_dir / "v1" / FOLDED
    path.write_bytes(path.read_bytes()[:-1])
    assert outdated(models_dir, RECIPE, FILES) == "model.folded is missing or cut short"
    path.unlink()
    assert outdated(models_dir, RECIPE, FILES) == "model.folded is missing or cut short"
    (models_dir / "v1" / MANIFEST).write_text("{")
    assert MANIFEST in str(outdated(models_dir, RECIPE, FILES))


def test_an_altered_file_is_left_for_the_service_to_refuse(models_dir: Path) -> None:
    path = models_dir / "v1" / FOLDED
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert outdated(models_dir, RECIPE, FILES) is None


def test_publishing_replaces_the_folder(tmp_path: Path) -> None:
    for content in ("first", "second"):
        with workspace(tmp_path) as folder:
            (folder / "v1").mkdir()
            (folder / "v1" / "model").write_text(content)
            publish(folder / "v1", tmp_path, "v1")
        assert (tmp_path / "v1" / "model").read_text() == content
    assert [path.name for path in tmp_path.iterdir()] == ["v1"]


def test_a_failed_training_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), workspace(tmp_path) as folder:
        _interrupted(folder)
    assert list(tmp_path.iterdir()) == []


def _interrupted(folder: Path) -> None:
    (folder / "half").write_text("x")
    raise KeyboardInterrupt


def test_what_a_killed_training_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".training-1" / "v1").mkdir(parents=True)
    (tmp_path / ".retired-v1").mkdir()
    with workspace(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_a_reader_sees_the_old_text_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "made" / "held-out.csv"
    replace_text(path, "a\n")
    with path.open() as reader:
        replace_text(path, "b\r\n")
        assert reader.read() == "a\n"
    assert path.read_bytes() == b"b\r\n"
    assert list(path.parent.iterdir()) == [path]


def _hold(models_dir: Path, entered: object, leave: object) -> None:
    with exclusive(models_dir, silent):
        entered.set()  # type: ignore[attr-defined]
        leave.wait()  # type: ignore[attr-defined]
        (models_dir / "first was here").touch()


def test_the_second_training_waits_for_the_first(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    entered, leave = context.Event(), context.Event()
    first = context.Process(target=_hold, args=(tmp_path, entered, leave), daemon=True)
    first.start()
    assert entered.wait(20)
    said: list[str] = []

    def say(step: str) -> None:
        said.append(step)
        leave.set()  # only now may the first one end

    with exclusive(tmp_path, say):
        assert said == ["waiting for another training to end"]
        assert (tmp_path / "first was here").exists()
    first.join(20)
    assert first.exitcode == 0
