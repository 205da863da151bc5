"""The names of MCP tools, as clients take them.

MCP allows dots; many clients take `^[a-zA-Z0-9_-]{1,64}$` only, and drop the whole server for one
name that breaks it. So a dot is allowed in a template, and `_` stands in for it on the wire.
"""

import re
from collections.abc import Iterator

from scaffold.generator._hookspec.parsed_hookspec import ParsedHook, ParsedKind
from scaffold.generator._source.diagnostics import Diagnostic

DEFAULT_TOOL_TEMPLATE = "{kind}_{plugin}_{hook}"

_LIMIT = 64
_PART = re.compile(r"\{([^{}]*)\}")
_PARTS = {"kind", "plugin", "hook", "function"}
_PARTS_HINT = "there is: '{kind}', '{plugin}', '{hook}', '{function}'"
_SAFE = re.compile(r"[A-Za-z0-9_.-]*")


def safe_template(template: str) -> str:
    """Return the template that all clients take: `_` for every dot."""
    return template.replace(".", "_")


def check_tool_names(kind: ParsedKind) -> Iterator[Diagnostic]:
    """Yield what is wrong with the templates of the hooks that are offered over MCP."""
    taken: dict[str, str] = {}
    for hook in kind.hooks:
        if not hook.exposed:
            continue
        at = (*hook.at, "mcp_tool_name_template")
        problem = _problem_with(kind, hook)
        known = safe_template(_fill(kind, hook))
        if problem:
            yield kind.source.problem(at, *problem)
        elif taken.get(known, hook.name) != hook.name:
            message = f"the hooks '{taken[known]}' and '{hook.name}' give tools of the same name"
            hint = "put '{hook}' into the template"
            yield kind.source.problem(at, "duplicate-tool", message, hint)
        taken[known] = hook.name


def _problem_with(kind: ParsedKind, hook: ParsedHook) -> tuple[str, str, str] | None:
    """Return code, message and help of the first thing wrong with one template."""
    unknown = sorted(set(_PART.findall(hook.tool)) - _PARTS)
    if unknown:
        return (
            "bad-tool-name",
            f"'{{{unknown[0]}}}' is not a placeholder of tool names",
            _PARTS_HINT,
        )
    text = _PART.sub("", hook.tool)
    if not hook.tool or not _SAFE.fullmatch(text):
        hint = "use letters, digits, '_', '-' and '.'"
        return "bad-tool-name", f"'{hook.tool}' does not give a name that MCP clients accept", hint
    if "{plugin}" not in hook.tool and "{function}" not in hook.tool:
        message = f"'{hook.tool}' gives every plugin's tool the same name"
        return "bad-tool-name", message, "put '{plugin}' into the template, or '{function}'"
    fixed = _PART.sub("", _fill(kind, hook))
    open_parts = len(_PART.findall(_fill(kind, hook)))
    if len(fixed) + open_parts > _LIMIT:
        message = f"'{hook.tool}' makes a name longer than {_LIMIT} characters"
        return "long-tool-name", message, "shorten the template, the kind or the hook"
    return None


def _fill(kind: ParsedKind, hook: ParsedHook) -> str:
    """Fill in what the hookspec knows; the plugin and the function stay open."""
    return hook.tool.replace("{kind}", kind.name).replace("{hook}", hook.name)


def has_function_placeholder(template: str) -> bool:
    """Tell whether a template asks for one tool per function."""
    return "{function}" in template
