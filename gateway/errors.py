"""What can be wrong with the files and settings of a workspace.

* ConfigurationError (a ValueError)
  x SettingsError      .env or a GATEWAY_* variable
  x TopologyError      process-compose.yaml, nginx/ or monitoring/prometheus.yml cannot be read
  x WorkloadError      workload.yaml or its corpus
    - AnswerMissing    a response without the part that workload.yaml points at
  x CanaryError        var/canary, or a percentage or instance that it cannot take
  x PrepareError       something that gateway.prepare cannot create
  x PolicyError        rollout/rollout.yaml, or the policy given instead of it
  x StoreError         var/rollout/decisions.jsonl cannot be used
    - Busy             another engine has it
"""

from dataclasses import dataclass

from gateway.visible import visible


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file, written the way editors and compilers write it."""

    file: str
    line: int | None = None
    """Counted from 1; None where the whole file is meant."""

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


def in_words(error: Exception) -> str:
    """What went wrong, as the system says it, without its number and its name for the file."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class ConfigurationError(ValueError):
    """A person has to change something. Reads `where: problem: what to do`."""

    def __init__(self, place: Place | str, problem: str, fix: str) -> None:
        super().__init__(visible(f"{place}: {problem}: {fix}"))
        self.place = place if isinstance(place, Place) else Place(place)
        self.problem = problem
        self.fix = fix


class SettingsError(ConfigurationError):
    """A setting is missing, malformed or contradicts another one."""


class TopologyError(ConfigurationError):
    """A file that says what runs where is missing or cannot be understood."""


class WorkloadError(ConfigurationError):
    """workload.yaml, or the corpus that it names, is missing or cannot be understood."""


class AnswerMissing(WorkloadError):
    """A response body has nothing at the pointer that workload.yaml gives."""


class PrepareError(ConfigurationError):
    """A file that the gateway needs cannot be created."""
