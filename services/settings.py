"""What one service process is told by its environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path

# The name becomes a metrics label and a response header.
_INSTANCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ModelVersion(StrEnum):
    """The versions of the answer's format, and the folders of the models."""

    V1 = "v1"
    V2 = "v2"


class SettingsError(ValueError):
    """A variable is missing or has a value that cannot be used; the message names both."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Settings of one instance."""

    instance: str
    """Name of this process, for example "v1-2"."""
    version: ModelVersion
    models_dir: Path
    """Folder that holds one folder of model files per version."""
    faults: Path | None = None
    """File that says how to misbehave (services.faults). None, as always but in a test: not."""

    @property
    def model_dir(self) -> Path:
        """Folder of the model that this instance serves."""
        return self.models_dir / self.version.value


def load_settings(environ: Mapping[str, str]) -> ServiceSettings:
    """Read MODEL_VERSION, INSTANCE, MODELS_DIR (default: var/models) and FAULTS_FILE.

    Raises SettingsError when one is missing or cannot be used.
    """
    versions = " or ".join(version.value for version in ModelVersion)
    requested = environ.get("MODEL_VERSION", "")
    if requested not in tuple(ModelVersion):
        raise SettingsError(f'MODEL_VERSION is "{requested}": set it to {versions}')
    instance = environ.get("INSTANCE", "")
    if not _INSTANCE_NAME.fullmatch(instance):
        raise SettingsError(
            f'INSTANCE is "{instance}": set it to the name of this process, for example v1-1 '
            "(1 to 64 letters, digits, dots, dashes or underscores)"
        )
    return ServiceSettings(
        instance=instance,
        version=ModelVersion(requested),
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
