"""One line of a file that does not say what another file declares."""

from dataclasses import dataclass

from gateway.errors import Place


@dataclass(frozen=True, slots=True, order=True)
class Disagreement:
    """One line that does not say what the declaring file says."""

    file: str
    line: int | None
    expected: str
    found: str
    message: str
    """A whole sentence, to be read after `file:line: `."""

    def __str__(self) -> str:
        return f"{Place(self.file, self.line)}: {self.message}"


def differs(place: Place, what: str, expected: str, found: str) -> Disagreement:
    """The disagreement at `place` about `what`."""
    message = f"{what}: expected {expected}, found {found}"
    return Disagreement(place.file, place.line, expected, found, message)
