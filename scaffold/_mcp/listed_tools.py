"""Read the tools that a server lists one by one. An invalid tool is repaired or left out.

Source: MCP 2026-07-28, Tools: Data Types.
"""

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

import msgspec
from msgspec import Raw

from scaffold._mcp.jsonrpc import DECODE_ERRORS
from scaffold._mcp.refusal_reasons import excerpt
from scaffold.contract._json.types import Json, JsonObject, is_object

WarnAboutTool: TypeAlias = Callable[[str, str], None]
"""Called for each invalid tool, with its name and the rest of a sentence about it."""

_ANYTHING: Final[JsonObject] = {"type": "object"}
"""The schema of arguments for a tool without a usable `inputSchema`."""

_decode = msgspec.json.Decoder(JsonObject).decode


def ignore_warning(_tool: str, _what: str) -> None:
    """Do nothing."""


def read_tools(listed: Iterable[Raw], warn: WarnAboutTool) -> list[JsonObject]:
    """Return the usable tools, each with a `name`, a `description` and an `inputSchema`.

    A member that is `null` counts as absent. `warn` is called for each invalid tool.
    """
    tools: list[JsonObject] = []
    for raw in listed:
        try:
            members = _decode(raw)
        except DECODE_ERRORS as error:
            warn(excerpt(bytes(raw), 80), f"is left out: it cannot be read: {error}")
            continue
        tool = {key: value for key, value in members.items() if value is not None}
        name = tool.get("name")
        if not isinstance(name, str) or not name:
            warn(excerpt(bytes(raw), 80), "is left out: it has no name")
            continue
        fixed = [what for fix in _FIXES if (what := fix(tool))]
        if fixed:
            warn(name, "; ".join(fixed))
        tools.append(tool)
    return tools


def _fix_schema(tool: JsonObject) -> str:
    schema = tool.get("inputSchema")
    if is_object(schema):
        return ""
    tool["inputSchema"] = _ANYTHING
    found = (
        "has no 'inputSchema'" if schema is None else "has an 'inputSchema' that is not an object"
    )
    return f"{found}: any arguments are sent"


def _fix_description(tool: JsonObject) -> str:
    description: Json = tool.setdefault("description", "")
    if isinstance(description, str):
        return ""
    tool["description"] = ""
    return "has a 'description' that is not a text: an empty one is used"


def _fix_output_schema(tool: JsonObject) -> str:
    if is_object(tool.get("outputSchema", _ANYTHING)):
        return ""
    del tool["outputSchema"]
    return "has an 'outputSchema' that is not an object: results are not checked"


def _fix_meta(tool: JsonObject) -> str:
    meta: Json = tool.get("_meta", {})
    if is_object(meta):
        tool["_meta"] = {key: value for key, value in meta.items() if value is not None}
        return ""
    del tool["_meta"]
    return "has a '_meta' that is not an object: it is not read"


_FIXES: Final = (_fix_schema, _fix_description, _fix_output_schema, _fix_meta)
