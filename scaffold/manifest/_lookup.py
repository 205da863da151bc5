"""Where a manifest is found: the names of its files, and the place in them.

A host reads one with all its rules; this is what a plugin's own server needs of it.
"""

import json
import tomllib
from pathlib import Path
from typing import Final, TypeAlias

from scaffold.contract._json import Json, JsonObject, is_object

Section: TypeAlias = tuple[str, ...]
"""The keys that lead to a manifest in a file."""

_TOOL: Final[Section] = ("tool", "dagstack", "plugin")
ANYWHERE: Final[tuple[Section, ...]] = (("plugin",), _TOOL, ())

SOURCES: Final[dict[str, tuple[Section, ...]]] = {
    "dagstack.toml": ANYWHERE,
    "dagstack-plugin.toml": ANYWHERE,
    "dagstack_plugin.toml": ANYWHERE,
    "dagstack.json": ANYWHERE,
    "dagstack-plugin.json": ANYWHERE,
    "pyproject.toml": (_TOOL,),
    "package.json": (("dagstack",),),
}
"""The files that may hold a manifest, in the order they are looked for, and where in them."""


def descend(content: JsonObject, section: Section) -> JsonObject | None:
    """Return the table that a path leads to."""
    found: Json = content
    for key in section:
        found = found.get(key) if is_object(found) else None
    return found if is_object(found) else None


def read_table(folder: Path) -> JsonObject | None:
    """Return the manifest in a folder as it is written, unchecked; `None` if there is none."""
    for name, sections in SOURCES.items():
        file = folder / name
        try:
            text = file.read_text(encoding="utf-8-sig")
            content: Json = (json if file.suffix == ".json" else tomllib).loads(text)
        except (OSError, ValueError):
            continue
        for section in sections if is_object(content) else ():
            found = descend(content, section)
            if found is not None:
                return found
    return None
