"""Map hooks to MCP tools for `tools/list`, and listed tools back to hooks.

Tool names match `^[a-zA-Z0-9_-]{1,64}$`, which every known client accepts. Some clients reject a
whole server because of one other name. Source: MCP 2026-07-28, Tools.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from scaffold._mcp.jsonrpc import DECODE_ERRORS, encode
from scaffold._mcp.lenient_reading import WarnAboutTool, ignore_warning
from scaffold._mcp.tool_results import WRAPPED_ARGUMENT
from scaffold.contract._errors.errors import InvalidOutput
from scaffold.contract._hooks.channel import array_schema
from scaffold.contract._hooks.hook import Hook, Kind
from scaffold.contract._json import Json, JsonObject, is_object

HOOK: Final = "hookspec.scaffold/hook"
FUNCTION: Final = "hookspec.scaffold/function"

_UNSAFE: Final = re.compile(r"[^a-zA-Z0-9_-]")
_MAX_NAME_CHARS: Final = 64
_DIGEST_CHARS: Final = 8
_MAX_REASON_CHARS: Final = 300
"""Maximum length of the reason in a warning."""


def tool_name(hook: Hook[Any, Any], plugin: str, function: str = "") -> str:
    """Return the name of a hook's tool, safe for every client.

    Other characters become `_`. A name of more than 64 characters is cut and ends with a digest.
    """
    name = hook.tool.format(kind=hook.kind.name, plugin=plugin, hook=hook.name, function=function)
    return _safe_name(name)


def _safe_name(name: str, *, digest: bool = False) -> str:
    """Return a name that every client accepts; a `digest` keeps different names different."""
    safe = _UNSAFE.sub("_", name)
    if len(safe) <= _MAX_NAME_CHARS and not digest:
        return safe
    from hashlib import sha256  # imports OpenSSL, and few names are so long

    mark = sha256(name.encode()).hexdigest()[:_DIGEST_CHARS]
    return f"{safe[: _MAX_NAME_CHARS - _DIGEST_CHARS - 1]}_{mark}"


def describe_tools(
    kind: Kind, plugin: str, catalogues: Mapping[str, Iterable[JsonObject]], *, modern: bool
) -> list[JsonObject]:
    """Return the tools of a plugin for the response to `tools/list`.

    `catalogues` maps the name of each catalogue hook to the functions it listed.
    """
    tools: list[JsonObject] = []
    for hook in kind.hooks.values():
        if not hook.exposed:
            continue
        if hook.functions is None:
            tools.append(_tool(hook, tool_name(hook, plugin), modern=modern))
            continue
        for function in catalogues[hook.functions.catalogue]:
            name = tool_name(hook, plugin, function["name"])
            tools.append(_function_tool(hook, name, function, modern=modern))
    return tools


def _tool(hook: Hook[Any, Any], name: str, *, modern: bool) -> JsonObject:
    described = hook.kind.describe(hook.name)
    return {
        "name": name,
        "description": described["description"],
        "inputSchema": _input_schema(described["input"]),
        "outputSchema": _output_schema(hook, modern=modern),
        "annotations": _annotations(hook),
        "_meta": {HOOK: hook.name},
    }


def _function_tool(
    hook: Hook[Any, Any], name: str, function: JsonObject, *, modern: bool
) -> JsonObject:
    rest = {key: function[key] for key in function if key not in ("description", "parameters")}
    return {
        "name": name,
        "description": function["description"],
        "inputSchema": {"type": "object", **function["parameters"]},
        "outputSchema": _output_schema(hook, modern=modern),
        "annotations": _annotations(hook),
        "_meta": {HOOK: hook.name, FUNCTION: rest},
    }


def _annotations(hook: Hook[Any, Any]) -> JsonObject:
    return {"readOnlyHint": hook.read_only, "idempotentHint": hook.idempotent or hook.read_only}


def _input_schema(payload: JsonObject) -> JsonObject:
    schema = payload["schema"]
    if payload["object"]:
        return {"type": "object", **schema}
    return _wrap(WRAPPED_ARGUMENT, schema)


def _output_schema(hook: Hook[Any, Any], *, modern: bool) -> JsonObject:
    payload = hook.kind.describe(hook.name)["output"]
    schema = payload["schema"]
    if hook.streams:
        items = array_schema(schema)
        return items if modern else _wrap("result", items)
    if hook.content:
        schema = _without_content(schema)
    if payload["object"]:
        return {"type": "object", **schema}
    if modern and is_object(schema):
        return schema
    return _wrap("result", schema)


def _without_content(schema: JsonObject) -> JsonObject:
    """Remove `content`, which MCP sends next to the structured content and not in it."""
    properties = {name: s for name, s in schema.get("properties", {}).items() if name != "content"}
    required = [name for name in schema.get("required", []) if name != "content"]
    return {**schema, "properties": properties, "required": required}


def _wrap(name: str, schema: Json) -> JsonObject:
    """Return an object schema with one property, which has the given schema.

    The schema gets an `$id`, so that its references still point into it one level deeper.
    """
    inner = schema
    if is_object(schema) and "$id" not in schema:
        inner = {"$id": f"hookspec:{name}", **schema}
    return {"type": "object", "properties": {name: inner}, "required": [name]}


@dataclass(slots=True)
class OfferedTools:
    """The tools of a server, mapped to the hooks and functions of a kind."""

    tools: dict[str, str] = field(default_factory=dict[str, str])
    """Hook name → tool name."""
    functions: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """Hook name → function name → tool name."""
    catalogues: dict[str, list[JsonObject]] = field(default_factory=dict[str, list[JsonObject]])
    """Catalogue hook → the functions it lists."""
    is_foreign: bool = False
    """True if the server does not know hooks: every tool is a function."""

    @classmethod
    def read(
        cls,
        kind: Kind,
        plugin: str,
        tools: Iterable[JsonObject],
        warn: WarnAboutTool = ignore_warning,
    ) -> "OfferedTools":
        """Find the hook, or the function of a hook, of each listed tool.

        Our servers mark their tools with the hook's name. Without a mark, the tool's name decides.
        On a server without any mark, the other tools are functions of the kind's `functions` hook.

        Args:
            kind: The contract that the server is called by.
            plugin: The plugin's name, which is part of tool names.
            tools: The result of `read_tools`.
            warn: Called for each tool that is left out or renamed here.
        """
        listed = list(tools)
        offer = cls()
        plain = [hook for hook in kind.hooks.values() if hook.exposed and hook.functions is None]
        names = {tool_name(hook, plugin): hook.name for hook in plain}
        host = next((hook for hook in kind.hooks.values() if hook.functions), None)
        offer.is_foreign = not any(_marked_hook(tool, kind) for tool in listed)
        functions: list[tuple[JsonObject, str]] = []
        for tool in listed:
            hook = _marked_hook(tool, kind) or names.get(tool["name"])
            rest = tool.get("_meta", {}).get(FUNCTION)
            if is_object(rest) or (hook is None and offer.is_foreign):
                functions.append((_function(tool, rest), tool["name"]))
            elif hook is not None:
                offer.tools[hook] = tool["name"]
        if host is not None and host.functions is not None:
            listing = kind.hooks[host.functions.catalogue]
            usable = _listable_functions(listing, functions, warn)
            offer.functions[host.name] = {entry["name"]: tool for entry, tool in usable}
            offer.catalogues[listing.name] = [entry for entry, _tool in usable]
        return offer


def _marked_hook(tool: JsonObject, kind: Kind) -> str | None:
    """Return the name of the hook that a tool is marked with, or `None`."""
    mark: Json = tool.get("_meta", {}).get(HOOK)
    return mark if isinstance(mark, str) and mark in kind.hooks else None


def _function(tool: JsonObject, rest: Json) -> JsonObject:
    described = {"description": tool["description"], "parameters": tool["inputSchema"]}
    marked = rest if is_object(rest) and isinstance(rest.get("name"), str) else {}
    return {"name": tool["name"], **marked, **described}


def _listable_functions(
    listing: Hook[Any, Any], functions: Iterable[tuple[JsonObject, str]], warn: WarnAboutTool
) -> list[tuple[JsonObject, str]]:
    """Return the functions that the catalog can list, each once, with the names of their tools."""
    found: dict[str, tuple[JsonObject, str]] = {}
    for entry, tool in functions:
        problem = _listing_problem(listing, entry)
        other = entry
        if problem:
            other = {**entry, "name": _safe_name(entry["name"], digest=True)}
            if _listing_problem(listing, other):
                warn(tool, f"is left out: it cannot be listed: {problem}")
                continue
            warn(tool, f"is called '{other['name']}' here: its own name cannot be listed")
        if other["name"] in found:
            warn(tool, "is left out: there is another one of its name")
            continue
        found[other["name"]] = other, tool
    return list(found.values())


def _listing_problem(listing: Hook[Any, Any], entry: JsonObject) -> str:
    """Return why the catalog's schema refuses an entry, or an empty text."""
    try:
        listing.output.load(encode([entry]))
    except (InvalidOutput, *DECODE_ERRORS) as error:
        return str(error)[:_MAX_REASON_CHARS]
    return ""
