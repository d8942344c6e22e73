"""More or fewer instances of v1 in a copy of the workspace, as CONTRIBUTING.md says."""

from __future__ import annotations

import re
from pathlib import Path

_STANDS = {
    "process-compose.yaml": (r"^  v1-%d:\n(?:    .*\n)+", r"^      v1-%d: \{.*\n"),
    "nginx/upstreams.conf": (r"^ *server 127\.0\.0\.1:810%d .*\n",),
    "monitoring/prometheus.yml": (r'^      - targets: \["127\.0\.0\.1:810%d"\]\n.*\n',),
}
"""Where an instance is named, by its number."""
_DECLARED = 3


def set_instances(root: Path, count: int) -> None:
    """Write so many (1 to 9) in the place of the three that are declared."""
    for file, patterns in _STANDS.items():
        text = (root / file).read_text()
        for pattern in patterns:
            for number in range(2, _DECLARED + 1):
                text = re.sub(pattern % number, "", text, flags=re.MULTILINE)
            text = re.sub(
                pattern % 1,
                lambda found: "".join(_numbered(found[0], n) for n in range(1, count + 1)),
                text,
                flags=re.MULTILINE,
            )
        (root / file).write_text(text)


def _numbered(text: str, number: int) -> str:
    return text.replace("v1-1", f"v1-{number}").replace("8101", f"810{number}")
