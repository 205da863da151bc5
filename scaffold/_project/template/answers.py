"""`.copier-answers.yml`: the template version that a project is made from, and the answers.

What a project remembers of a bundled template is a stable name and the version, never a path of the
machine that made the project.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msgspec import ValidationError, convert

from scaffold._project.config.access import read_text
from scaffold._project.config.errors import PreconditionError

ANSWERS: Final = ".copier-answers.yml"
SHIPPED: Final = "scaffold:"
"""Begins the names of the templates that ship with this distribution."""

_SOURCE: Final = "_src_path"
_VERSION: Final = "_commit"
_LINE: Final = r"^{}:(?P<value>.*(?:\n[ \t]+.*)*)\n?"
"""A key with its value, which YAML may fold into several lines."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./@+:-]*(?<!:)")
"""What YAML reads as the same text without quotes, unless it looks like a number."""


@dataclass(frozen=True, slots=True)
class TemplateOrigin:
    """Where a project's template files are from."""

    source: str
    """`scaffold:plugin`, or what git can clone."""
    version: str
    """A tag of the template: `v1`."""


def read_answers(root: Path) -> str:
    """Read the answers of a project.

    Raises:
        PreconditionError: `no-template` if there is no such file; `outside` or `unreadable` if it
            leads out of the project, or is not a regular file.
    """
    try:
        return read_text(root, ANSWERS)
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise _no_template(root) from error


def read_origin(root: Path) -> TemplateOrigin:
    """Read which template a project is made from; raise `PreconditionError` if it says none."""
    origin = origin_in(read_answers(root))
    if origin is None:
        raise _no_template(root)
    return origin


def origin_in(text: str) -> TemplateOrigin | None:
    """Return which template the text of an answers file names."""
    source, version = _value(text, _SOURCE), _value(text, _VERSION)
    return TemplateOrigin(source, version) if source and version else None


def with_origin(text: str, origin: TemplateOrigin) -> str:
    """Return the text of an answers file with another template or version."""
    for key, value in ((_SOURCE, origin.source), (_VERSION, origin.version)):
        line = f"{key}: {_quoted(value)}\n"
        found = re.search(_LINE.format(key), text, re.MULTILINE)
        if found is not None:
            text = text[: found.start()] + line + text[found.end() :]
        else:
            text = f"{text}{line}" if text.endswith("\n") or not text else f"{text}\n{line}"
    return text


def answers_in(text: str) -> dict[str, Any]:
    """Return the answers in the text of an answers file, or raise `PreconditionError`."""
    import yaml

    try:
        loaded = convert(yaml.safe_load(text), dict[str, Any])
    except (yaml.YAMLError, ValidationError, ValueError, RecursionError) as error:
        message = f"'{ANSWERS}' cannot be read: {' '.join(str(error).split())}"
        raise PreconditionError("no-template", message, _ADVICE) from error
    return {key: value for key, value in loaded.items() if not key.startswith("_")}


_ADVICE: Final = f"bring back '{ANSWERS}', which 'scaffold new-plugin' wrote"


def _no_template(root: Path) -> PreconditionError:
    message = f"'{root}' does not say which template it was made from"
    return PreconditionError("no-template", message, _ADVICE)


def _value(text: str, key: str) -> str | None:
    found = re.search(_LINE.format(key), text, re.MULTILINE)
    value = found["value"].strip() if found else ""
    if not value or _PLAIN.fullmatch(value):
        return value
    import yaml

    try:
        loaded = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return loaded if isinstance(loaded, str) else None


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value) and not value.isdigit():
        return value
    # A JSON string is a YAML one, but for line separators that only JSON allows in it.
    return json.dumps(value, ensure_ascii=not value.isprintable())
