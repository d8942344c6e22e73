"""`make certs`: a new certificate now, whatever the age of the old one, then a checked reload.

    python -m gateway.renewal [--undo]

Only for a certificate that gateway.prepare made. One of your own is replaced by putting the
new files in its place, followed by `make reload`.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.atomic import replace_file
from gateway.certificates import CERTIFICATE, KEY, read_certificate, renew_certificate
from gateway.command import Outcome, Say, reported
from gateway.errors import PrepareError
from gateway.exit_codes import ExitCode
from gateway.previous import SUFFIX, keep_previous, read_previous
from gateway.reload import check, reload
from gateway.settings import Settings, load_settings


def renew(root: Path, settings: Settings, say: Say, now: float) -> Outcome:
    """Replace certificate and key, and make a running nginx use them.

    Nothing is replaced unless the configuration is good as it is. Raises ConfigurationError,
    OSError, subprocess.TimeoutExpired.
    """
    if not read_certificate(root / CERTIFICATE).is_ours:
        fix = f"put the new one there and its key at {KEY}, then `make reload`"
        raise PrepareError(CERTIFICATE, "somebody else issued it", fix)
    refused = check(root, settings, say, now)
    if refused is not None:
        return refused
    for file in (CERTIFICATE, KEY):
        keep_previous(root / file)
    names = renew_certificate(root, settings)
    say(f"made {CERTIFICATE} for {', '.join(names)}, valid until {_end(root)}")
    say(f"the one before is {CERTIFICATE}{SUFFIX}, its key {KEY}{SUFFIX} (make certs UNDO=1)")
    return _in_effect(root, settings, say, now)


def undo(root: Path, settings: Settings, say: Say, now: float) -> Outcome:
    """Exchange certificate and key with those before. Raises as `renew` does."""
    certificate, key = (read_previous(root, file) for file in (CERTIFICATE, KEY))
    for file in (CERTIFICATE, KEY):
        keep_previous(root / file)
    replace_file(root / CERTIFICATE, certificate, 0o644)
    replace_file(root / KEY, key, 0o600)
    say(f"{CERTIFICATE} is the one before, valid until {_end(root)} (UNDO=1 exchanges them again)")
    return _in_effect(root, settings, say, now)


def _in_effect(root: Path, settings: Settings, say: Say, now: float) -> Outcome:
    say(f"clients have to verify with the {CERTIFICATE} of now: copy it to where they are, and")
    say("restart what has read the old one (make traffic, the dashboard)")
    return reload(root, settings, say, now)


def _end(root: Path) -> str:
    end = time.gmtime(read_certificate(root / CERTIFICATE).not_after)
    return time.strftime("%Y-%m-%d", end)


def main(
    arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None
) -> ExitCode:
    """Renew, or with --undo go back."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.renewal", description="Make a new certificate and use it."
    )
    parser.add_argument("--undo", action="store_true", help="exchange it with the one before")
    parser.add_argument("--root", type=Path, default=Path(), help="the workspace (default: here)")
    given = parser.parse_args(arguments)

    def action(say: Say) -> Outcome:
        settings = load_settings(given.root, os.environ if environ is None else environ)
        return (undo if given.undo else renew)(given.root, settings, say, time.time())

    return reported("certs", action)


if __name__ == "__main__":
    sys.exit(main())
