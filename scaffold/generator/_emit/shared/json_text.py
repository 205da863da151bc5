"""JSON as we write it."""

import json

from msgspec.json import format as indented

from scaffold.generator.ir import Json


def json_text(value: Json) -> str:
    """Write JSON to be read by people; half a surrogate pair, which no file can hold, escaped."""
    # `json` indents slowly, and msgspec writes numbers differently: `json` writes, msgspec indents.
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value)
    return f"{indented(text, indent=2)}\n"
