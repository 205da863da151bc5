"""What came of a call, as JSON that can be compared between runtimes."""

import json
from collections.abc import Callable

from scaffold.contract._errors.errors import HookError, InternalError, ScaffoldError
from scaffold.contract._json.types import Json, JsonObject, is_object

__all__ = ["call_outcome", "canonical_json", "error_as_json", "shorten_json"]

_MAX_SHOWN_CHARS = 160
"""Characters of a value that a finding shows."""


def call_outcome(call: Callable[[], Json]) -> JsonObject:
    """Return `{"result": …}`, or `{"error": …}` if the call raises one of our errors."""
    try:
        return {"result": call()}
    except HookError as error:
        return {"error": error_as_json(error)}
    except ScaffoldError as error:
        # Each transport has its own words for what happened to it.
        return {"error": {"code": error.code}}


def error_as_json(error: ScaffoldError) -> JsonObject:
    """Return what a program may compare of an error."""
    if not isinstance(error, HookError):
        return {"code": error.code, "message": str(error)}
    if isinstance(error, InternalError):
        # Its id finds the traceback in the plugin's log, and is another one every time.
        mark = str(error.data.get("id", "")) if is_object(error.data) else ""
        message = error.message.replace(mark, "ID") if mark else error.message
        return {"code": error.code, "message": message, "data": None}
    return {"code": error.code, "message": error.message, "data": error.data}


def canonical_json(value: Json) -> str:
    """Write JSON in one way only: equal texts are equal answers, byte for byte."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def shorten_json(value: Json) -> str:
    """Write JSON for a finding: its beginning, if it is long."""
    text = canonical_json(value)
    return text if len(text) <= _MAX_SHOWN_CHARS else f"{text[:_MAX_SHOWN_CHARS]}…"
