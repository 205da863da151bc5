"""From values to text: JSON as we write it, and templates."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.json import format as indented

from scaffold.generator.ir import Json

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["json_text", "render"]


def json_text(value: Json) -> str:
    """Write JSON to be read by people; half a surrogate pair, which no file can hold, escaped."""
    # `json` is slow at indenting, and nobody else writes numbers as it does.
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value)
    return f"{indented(text, indent=2)}\n"


def render(template: str, **values: Any) -> str:
    """Render a template of this package; a name that it does not get is an error."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
