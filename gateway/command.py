"""How a command of this folder ends: an exit code, and the reason as the last line on stderr."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.visible import visible

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    code: ExitCode
    text: str


@dataclass(frozen=True, slots=True)
class Voice:
    """What a command says on stderr: every line begins with its name, and nothing steers."""

    name: str

    def say(self, text: str) -> None:
        """One line, at once."""
        sys.stderr.write(f"{self.name}: {visible(text)}\n")
        sys.stderr.flush()

    def fail(self, reason: str, code: ExitCode) -> ExitCode:
        """The reason, and the exit code to end with."""
        self.say(reason)
        return code


def reader_left() -> ExitCode:
    """The exit code when who reads stdout (`| head`) has seen enough; no more is written there."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.INTERRUPTED


def unusable(error: OSError, folder: str) -> str:
    """What to say of a file below `folder` that cannot be read or written."""
    where = error.filename or folder
    return f"{where}: {error.strerror or error}: give this folder to the user who runs this"


def reported(name: str, action: Callable[[Say], Outcome]) -> ExitCode:
    """Run `action` as a command called `name`, which begins every line that is said."""

    voice = Voice(name)
    try:
        outcome = action(voice.say)
    except ConfigurationError as error:
        outcome = Outcome(ExitCode.USAGE, str(error))
    except PermissionError as error:
        fix = "give this folder, and the nginx that runs here, to the user who runs this"
        where = error.filename or "nginx"
        outcome = Outcome(ExitCode.USAGE, f"{where}: {error.strerror or error}: {fix}")
    except OSError as error:
        reason = error.strerror or str(error)
        outcome = Outcome(ExitCode.USAGE, f"{error.filename or 'var'}: {reason}")
    except subprocess.TimeoutExpired as error:
        reason = f"no answer within {error.timeout:.0f} s: try again on an idle machine"
        outcome = Outcome(ExitCode.TIMEOUT, f"{error.cmd[0]}: {reason}")
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return voice.fail(outcome.text, outcome.code)
