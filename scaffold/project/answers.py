"""`.copier-answers.yml`: the template version that a project is made from, and the answers."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaffold.project.errors import PreconditionError

__all__ = ["ANSWERS", "SHIPPED", "Origin", "answers_in", "read_origin", "with_source"]

ANSWERS = ".copier-answers.yml"
SHIPPED = "scaffold:"
"""Begins the names of the templates that ship with this distribution."""

_SOURCE = re.compile(r"^_src_path:.*$", re.MULTILINE)
_VALUE = r"^{}:[ \t]*['\"]?([^'\"\s]+)['\"]?[ \t]*$"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a project's template files are from."""

    source: str
    """`scaffold:plugin`, or what git can clone."""
    version: str
    """A tag of the template: `v1`."""


def read_origin(root: Path) -> Origin:
    """Read which template a project is made from; raise `PreconditionError` if it says none."""
    try:
        text = (root / ANSWERS).read_text("utf-8")
    except (OSError, ValueError):
        text = ""
    found = [re.search(_VALUE.format(key), text, re.MULTILINE) for key in ("_src_path", "_commit")]
    if not all(found):
        message = f"'{root}' does not say which template it was made from"
        mend = f"bring back '{ANSWERS}', which 'scaffold new-plugin' wrote"
        raise PreconditionError("no-template", message, mend)
    source, version = (match[1] for match in found if match)
    return Origin(source, version)


def with_source(text: str, source: str) -> str:
    """Return the text of an answers file with another source."""
    return _SOURCE.sub(lambda _match: f"_src_path: {source}", text)


def answers_in(text: str) -> dict[str, Any]:
    """Return the answers in the text of an answers file."""
    import yaml

    loaded: dict[str, Any] = yaml.safe_load(text)
    return {key: value for key, value in loaded.items() if not key.startswith("_")}
