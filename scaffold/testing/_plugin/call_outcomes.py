"""The outcome of a call as JSON, for comparisons between runtimes."""

import json
from collections.abc import Callable

from scaffold.contract._errors.errors import HookError, InternalError, ScaffoldError
from scaffold.contract._json.types import Json, JsonObject, is_object

_MAX_SHOWN_CHARS = 160
"""Characters of a value that a finding shows."""


def call_outcome(call: Callable[[], Json]) -> JsonObject:
    """Return `{"result": …}`, or `{"error": …}` if the call raises one of our errors."""
    try:
        return {"result": call()}
    except HookError as error:
        return {"error": error_as_json(error)}
    except ScaffoldError as error:
        # The message of a transport error depends on the transport.
        return {"error": {"code": error.code}}


def error_as_json(error: ScaffoldError) -> JsonObject:
    """Return the parts of an error that are the same in every runtime."""
    if not isinstance(error, HookError):
        return {"code": error.code, "message": str(error)}
    if isinstance(error, InternalError):
        # Its id, which finds the traceback in the log, differs in every call.
        error_id = str(error.data.get("id", "")) if is_object(error.data) else ""
        message = error.message.replace(error_id, "ID") if error_id else error.message
        return {"code": error.code, "message": message, "data": None}
    return {"code": error.code, "message": error.message, "data": error.data}


def canonical_json(value: Json) -> str:
    """Write JSON in its canonical form, for comparisons byte by byte."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def shorten_json(value: Json) -> str:
    """Write the beginning of a JSON value, for a finding."""
    text = canonical_json(value)
    return text if len(text) <= _MAX_SHOWN_CHARS else f"{text[:_MAX_SHOWN_CHARS]}…"
