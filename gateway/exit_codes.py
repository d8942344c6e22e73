"""What the exit code of every command of this repository means."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The one table of exit codes; scripts and process-compose depend on it."""

    PASS = 0
    """Done, or every check passed."""
    FAILED = 1
    """It was measured, and the answer is no."""
    USAGE = 2
    """The command line, a setting or a file has to be changed by a person."""
    UNREACHABLE = 3
    """The stack did not answer."""
    TIMEOUT = 4
    """Something answered, but not in time."""
    INTERRUPTED = 130
    """Ctrl-C (128 + SIGINT, as shells count)."""
