import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from services.artefact import FOLDED, MANIFEST, PIPELINE, ArtefactError, load
from tests.services.conftest import TinyModel

ENTRY = {"sha256": "0" * 64, "size": 1}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def model_dir(tiny_tweets: TinyModel, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_tweets.folder, tmp_path / "v1"))


def edit_manifest(model_dir: Path, **changes: object) -> None:
    path = model_dir / MANIFEST
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, **changes}))


def test_a_whole_folder_is_loaded(model_dir: Path) -> None:
    artefact = load(model_dir)
    assert artefact.version == "v1"
    assert len(artefact.digest) == 12
    assert artefact.scorer.classes == ("negative", "neutral", "positive")
    assert artefact.scorer.score("the film was great").label == "positive"
    assert artefact.digest == load(model_dir).digest


@pytest.mark.parametrize("name", [FOLDED, PIPELINE])
def test_a_flipped_byte_is_refused_with_both_digests(model_dir: Path, name: str) -> None:
    path = model_dir / name
    expected = json.loads((model_dir / MANIFEST).read_text())["files"][name]["sha256"]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtefactError) as error:
        load(model_dir)
    message = str(error.value)
    assert str(path) in message
    assert expected in message
    assert subprocess.check_output(["sha256sum", path], text=True).split()[0] in message
    assert "make gen-model" in message


@pytest.mark.parametrize("name", [FOLDED, PIPELINE, MANIFEST])
def test_a_missing_file_is_named(model_dir: Path, name: str) -> None:
    (model_dir / name).unlink()
    with pytest.raises(ArtefactError, match=f"{model_dir / name}.*make gen-model"):
        load(model_dir)


def test_a_folder_in_place_of_the_manifest_is_named(model_dir: Path) -> None:
    (model_dir / MANIFEST).unlink()
    (model_dir / MANIFEST).mkdir()
    with pytest.raises(ArtefactError, match=MANIFEST):
        load(model_dir)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 1}', "\x00"])
def test_a_broken_manifest_is_named(model_dir: Path, content: str) -> None:
    (model_dir / MANIFEST).write_text(content)
    with pytest.raises(ArtefactError, match=MANIFEST):
        load(model_dir)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"model.folded": ENTRY, "../v1/model.folded": ENTRY},
        {"model.folded": ENTRY, "/etc/hostname": ENTRY},
        {"model.folded": {"sha256": "0" * 64}},
        {"model.folded": {"sha256": 0, "size": 0}},
        ["model.folded"],
    ],
)
def test_a_manifest_of_other_files_is_refused(model_dir: Path, files: object) -> None:
    edit_manifest(model_dir, files=files)
    with pytest.raises(ArtefactError, match="lacks version, backend or files"):
        load(model_dir)


def test_another_format_is_refused(model_dir: Path) -> None:
    edit_manifest(model_dir, format=2)
    with pytest.raises(ArtefactError, match="format 1"):
        load(model_dir)


def test_an_unknown_backend_is_refused(model_dir: Path) -> None:
    edit_manifest(model_dir, backend="crystal ball")
    with pytest.raises(ArtefactError, match="'crystal ball'"):
        load(model_dir)


def test_loading_and_scoring_needs_no_numeric_library(model_dir: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from services.artefact import load\n"
        "load(Path(sys.argv[1])).scorer.score('good')\n"
        "heavy = {'sklearn', 'scipy', 'numpy', 'joblib'} & set(sys.modules)\n"
        "training = [m for m in sys.modules if m.startswith('services.training')]\n"
        "sys.exit(str(heavy or training) if heavy or training else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(model_dir)], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
