"""Make a Python environment of some installed packages, as nixpkgs' withPackages does.

    python python_environment.py FOLDER PACKAGE...

Run by the interpreter whose packages they are. The new environment holds the packages
named, what those require, and their commands; the files themselves are links.
"""

from __future__ import annotations

import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(wanted: list[str]) -> dict[str, Distribution]:
    """The packages `wanted` and everything that they require, by normalised name.

    Raises PackageNotFoundError for one that is not installed.
    """
    found: dict[str, Distribution] = {}
    left = [(name, frozenset[str]()) for name in wanted]
    seen = set(left)
    while left:
        name, extras = left.pop()
        found[canonicalize_name(name)] = distribution(name)
        for line in found[canonicalize_name(name)].requires or []:
            needed = Requirement(line)
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in ("", *extras)):
                step = (needed.name, frozenset(needed.extras))
                if step not in seen:
                    seen.add(step)
                    left.append(step)
    return found


def build(folder: Path, packages: dict[str, Distribution]) -> None:
    """Write the environment to `folder`."""
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    version = f"python3.{sys.version_info.minor}"
    site = folder / "lib" / version / "site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    for name in ("python", "python3", version):
        (folder / "bin" / name).symlink_to(base)
    (folder / "pyvenv.cfg").write_text(
        f"home = {base.parent}\ninclude-system-site-packages = false\n"
    )
    for package in packages.values():
        for top in {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}:
            if not (site / top).exists():  # namespace packages share a folder
                (site / top).symlink_to(Path(str(package.locate_file(top))).resolve())
        for command in package.entry_points.select(group="console_scripts"):
            program = folder / "bin" / command.name
            program.write_text(
                f"#!{folder}/bin/python3\nimport sys\nfrom {command.module} import"
                f" {command.attr.split('.')[0]}\nsys.exit({command.attr}())\n"
            )
            program.chmod(0o755)


if __name__ == "__main__":
    build(Path(sys.argv[1]), closure(sys.argv[2:]))
