"""`scaffold explain`: print the entry of an error code in the manual."""

import re
from pathlib import Path

from scaffold._cli.reporting.output import print_lines
from scaffold._project.config.errors import UsageError
from scaffold.generator._hookspec.naming import did_you_mean

_HEADING = re.compile(r"^### `(.+)`$", re.MULTILINE)
_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")


def explain(code: str) -> int:
    """Print the entry of a code in the manual; raise `UsageError` if it has none."""
    entries = _entries()
    if code not in entries:
        message = f"there is no code '{code}'"
        raise UsageError("unknown-code", message, _near(code, list(entries)))
    print_lines([f"{code}\n\n{entries[code]}"])
    return 0


def _near(code: str, known: list[str]) -> str:
    hint, _, _ = did_you_mean(code, known).partition("there is:")
    return f"{hint}it is what stands behind the place: 'file:line:col: code: message'"


def _entries() -> dict[str, str]:
    """Read the manual: what stands below the heading of each code, links as their words."""
    _, *parts = _HEADING.split(_manual().read_text("utf-8"))
    bodies = (re.split(r"^## ", body, maxsplit=1, flags=re.MULTILINE)[0] for body in parts[1::2])
    texts = (_LINK.sub(r"\1", body).strip() for body in bodies)
    return dict(zip(parts[::2], texts, strict=True))


def _manual() -> Path:
    package = Path(__file__).resolve().parents[2]
    packed = package / "_data" / "errors.md"
    return packed if packed.is_file() else package.parent / "docs" / "errors.md"
