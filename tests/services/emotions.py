"""Own sentences in the thirteen classes of the exam, and pipelines to adopt."""

from pathlib import Path
from typing import Any

_SAID = {
    "anger": ("i am furious about", "how dare they ruin", "it makes me so mad to think of"),
    "boredom": ("i am so bored of", "nothing ever happens at", "i yawn whenever i see"),
    "empty": ("i do not know what to say about", "whatever, it is only", "no feelings for"),
    "enthusiasm": ("i cannot wait for", "count me in for", "so excited and eager to start"),
    "fun": ("we laughed all night at", "what a hilarious time with", "playing games at"),
    "happiness": ("i am so happy with", "it made my day to see", "smiling and glad about"),
    "hate": ("i hate", "i cannot stand", "nothing disgusts me like"),
    "love": ("i love", "my heart belongs to", "i adore and cherish"),
    "neutral": ("on tuesday there is", "the address is next to", "the list mentions"),
    "relief": ("thank goodness it is over with", "finally rid of", "what a weight off after"),
    "sadness": ("i cried about", "i miss", "it is so sad to lose"),
    "surprise": ("i never expected", "wow, who would have guessed", "out of nowhere came"),
    "worry": ("i am afraid of", "what if something happens to", "nervous all day because of"),
}
_ABOUT = ("the concert", "my job", "the new school", "our trip", "that phone call", "the weather")

CLASSES = tuple(sorted(_SAID))


def texts() -> list[str]:
    """Six sentences for each way of saying it."""
    return [f"{way} {thing}" for ways in _SAID.values() for way in ways for thing in _ABOUT]


def labels() -> list[str]:
    """The class of each text."""
    return [label for label, ways in _SAID.items() for _ in ways for _ in _ABOUT]


def exam_pipeline() -> Any:
    """The pipeline of the exam's gen_model.py, trained on the sentences above."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    pipeline = Pipeline(
        [
            ("tfidf", TfidfVectorizer(max_features=5000)),
            ("clf", LogisticRegression(max_iter=1000)),
        ]
    )
    return pipeline.fit(texts(), labels())


def save(model: Any, path: Path) -> Path:
    """The model as a joblib file."""
    import joblib

    joblib.dump(model, path)
    return path
