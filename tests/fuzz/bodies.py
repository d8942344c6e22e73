"""The bodies of requests, through the whole application and small models of both kinds."""

from __future__ import annotations

import json
from pathlib import Path

from services.artefact import FOLDED
from services.folded import decode
from services.scorer import FoldedScorer
from services.tokens import tweet_tokens, unescaped
from services.training.train import train
from tests.fuzz.target import Run, Target, check
from tests.services.direct import post
from tests.services.fake_model import served
from tests.services.tiny_corpus import material, recipe, silent
from tests.torture import SENTENCES

REFUSALS = frozenset({400, 413, 422})


def bodies(root: Path) -> Run:
    """Answered or refused with the reason, as JSON, whatever the body is."""
    apps = []
    for version, analysis in (("v1", "words"), ("v2", "tweets")):
        train(recipe(analysis, version), material(), root / version, silent)
        scorer = FoldedScorer(decode((root / version / FOLDED).read_bytes()))
        apps.append(served(version, scorer))

    def run(data: bytes) -> None:
        unescaped(data.decode("utf-8", "replace"))
        for app in apps:
            status, headers, body = post(app, data)
            answer = json.loads(body)
            if status == 200:
                sentence = json.loads(data)["sentence"]
                check(len(sentence) <= 10_000, "longer than allowed")
                check(headers[b"x-prediction"].decode("ascii") != "", "no prediction")
                shares = answer.get("prediction_proba_dict", {"": 1.0}).values()
                check(abs(sum(shares) - 1) < 1e-9, "no distribution")
                tweet_tokens(sentence)
            else:
                check(status in REFUSALS and set(answer) == {"detail", "request_id"}, str(status))
                check(b"Traceback" not in body, "a traceback in an answer")

    return run


def _seeds() -> list[bytes]:
    short = [text for text in SENTENCES.values() if len(text) < 500]
    return [json.dumps({"sentence": text}).encode() for text in ("I am happy", *short)] + [
        json.dumps({"sentence": text}, ensure_ascii=False).encode() for text in short
    ]


BODIES = Target(bodies, _seeds, json=True)
