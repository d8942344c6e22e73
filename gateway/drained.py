"""The fragments by which an instance can be taken out of service without a reload.

For each instance a copy of every upstream in which that instance is down, and the lines that
choose the copies while the file that says so exists (gateway.canary writes it). They repeat
nginx/upstreams.conf, so they are made from it.
"""

import re
from collections.abc import Iterable

from gateway.nginx_files import Directive
from gateway.topology import Instance

UPSTREAMS = "var/nginx/drained-upstreams.conf"
CHOICE = "var/nginx/drained-choice.conf"
_HEADER = (
    "# Written by gateway.prepare from nginx/upstreams.conf. Edit that file, then run it again.\n"
)


def suffix(instance: str) -> str:
    """What the name of an upstream without that instance ends with."""
    return f"_without_{instance}"


def drained_upstreams(directives: Iterable[Directive], instances: Iterable[Instance]) -> str:
    """The text of drained-upstreams.conf, from the directives of the nginx files."""
    groups = [found for found in directives if found.name == "upstream" and found.args]
    blocks = [_without(group, instance) for instance in instances for group in groups]
    return _HEADER + "".join(blocks)


def drained_choice(instances: Iterable[Instance]) -> str:
    """The text of drained-choice.conf, for a location."""
    return _HEADER + "".join(
        f"if (-f $document_root/active/drained-{instance.name}) "
        f'{{ set $drained "{suffix(instance.name)}"; }}\n'
        for instance in instances
    )


def _without(group: Directive, instance: Instance) -> str:
    name = group.args[0] + suffix(instance.name)
    lines = [f"upstream {name} {{"]
    for child in group.block or ():
        args = list(child.args)
        if child.name == "zone":
            args[0] = name
        if child.name == "server" and args[0] == instance.address:
            args.append("down")
        lines.append("    " + " ".join([child.name, *map(_quoted, args)]) + ";")
    return "\n".join([*lines, "}", ""])


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[^\s\"';{}]+", word) else '"' + word.replace('"', '\\"') + '"'
