"""What one service process is told by its environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

# The name becomes a metrics label and a response header.
_INSTANCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_VERSION = re.compile(r"v[1-9][0-9]?")


def is_version(text: str) -> bool:
    """Whether `text` names a version of the model: v1, v2, up to v99."""
    return _VERSION.fullmatch(text) is not None


class SettingsError(ValueError):
    """A variable is missing or has a value that cannot be used; the message names both."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Settings of one instance."""

    instance: str
    """Name of this process, for example "v1-2"."""
    version: str
    """What it serves, for example "v2"."""
    models_dir: Path
    """Folder that holds one folder of model files per version."""
    faults: Path | None = None
    """File that says how to misbehave (services.faults). None, as always but in a test: not."""

    @property
    def model_dir(self) -> Path:
        """Folder of the model that this instance serves."""
        return self.models_dir / self.version


def load_settings(environ: Mapping[str, str]) -> ServiceSettings:
    """Read MODEL_VERSION, INSTANCE, MODELS_DIR (default: var/models) and FAULTS_FILE.

    Raises SettingsError when one is missing or cannot be used.
    """
    version = environ.get("MODEL_VERSION", "")
    if not is_version(version):
        raise SettingsError(f'MODEL_VERSION is "{version}": set it to v1, v2, v3 and so on')
    instance = environ.get("INSTANCE", "")
    if not _INSTANCE_NAME.fullmatch(instance):
        raise SettingsError(
            f'INSTANCE is "{instance}": set it to the name of this process, for example v1-1 '
            "(1 to 64 letters, digits, dots, dashes or underscores)"
        )
    return ServiceSettings(
        instance=instance,
        version=version,
        models_dir=Path(environ.get("MODELS_DIR") or "var/models"),
        faults=_faults(environ),
    )


def _faults(environ: Mapping[str, str]) -> Path | None:
    """Refused where the gateway serves others than this machine."""
    file = environ.get("FAULTS_FILE")
    if not file:
        return None
    address = environ.get("GATEWAY_LISTEN_ADDRESS") or "127.0.0.1"
    try:
        is_ours = ip_address(address.strip("[]")).is_loopback
    except ValueError:
        is_ours = False
    if not is_ours:
        raise SettingsError(
            f'FAULTS_FILE is "{file}" and GATEWAY_LISTEN_ADDRESS is "{address}": faults are for '
            "this machine alone, unset one of the two"
        )
    return Path(file)
