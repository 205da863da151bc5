"""The rules of hookspecs that JSON Schema cannot express, those for names of MCP tools among them.

MCP allows dots; many clients take `^[a-zA-Z0-9_-]{1,64}$` only, and drop the whole server for one
name that breaks it. So a dot is allowed in a template, and `_` stands in for it on the wire.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from scaffold.generator._hookspec.naming import KEYWORDS, RESERVED_ATTRIBUTES, pascal_case
from scaffold.generator._hookspec.parsed_hookspec import ParsedHook, ParsedKind
from scaffold.generator._source.diagnostics import Diagnostic
from scaffold.generator._source.source_text import Pointer

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


_RESERVED_ERRORS = {"invalid_input", "invalid_output", "internal"}
_FILE = re.compile(r"v([0-9]+)")
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^?#\s]*/")


def check_semantics(kind: ParsedKind, path: Path) -> Iterator[Diagnostic]:
    """Yield every way in which a hookspec breaks the rules; `path` is the file it stands in."""
    yield from _check_kind(kind, path)
    yield from _check_hooks(kind)
    yield from check_tool_names(kind)


def _check_kind(kind: ParsedKind, path: Path) -> Iterator[Diagnostic]:
    if kind.name in KEYWORDS:
        message = f"'{kind.name}' is a keyword"
        hint = "choose a name that is not a keyword in Python, TypeScript or Go"
        yield kind.source.problem(("kind",), "keyword-name", message, hint)
    for prefix in kind.remotes:
        if not _REMOTE.fullmatch(prefix):
            message = f"'{prefix}' is not the beginning of URIs"
            hint = "write an absolute URI that ends with '/', as in 'https://example.com/'"
            yield kind.source.problem(("remotes", prefix), "bad-remote", message, hint, key=True)
    stem = _FILE.fullmatch(path.stem)
    major = kind.version.split(".", 1)[0]
    if stem and major and stem[1] != major:
        message = f"the file '{path.name}' holds version {kind.version}"
        hint = f"call the file 'v{major}{path.suffix}', or change the version"
        yield kind.source.problem(("kind_api_version",), "version-file-mismatch", message, hint)


def _check_hooks(kind: ParsedKind) -> Iterator[Diagnostic]:
    problem = kind.source.problem
    taken: dict[str, str] = {}
    for hook in kind.hooks:
        at: Pointer = (*hook.at, "name")
        class_name = pascal_case(hook.name)
        if hook.name in KEYWORDS:
            hint = f"add a word, as in '{hook.name}_item'"
            yield problem(at, "keyword-name", f"'{hook.name}' is a keyword", hint)
        elif hook.name in RESERVED_ATTRIBUTES:
            message = f"'{hook.name}' is reserved: every plugin has an attribute of that name"
            hint = f"add a word, as in '{hook.name}_item'"
            yield problem(at, "taken-name", message, hint)
        if class_name in taken:
            other = taken[class_name]
            if other == hook.name:
                message = f"there are two hooks '{hook.name}'"
            else:
                message = f"the hooks '{other}' and '{hook.name}' give types of the same name"
            yield problem(at, "duplicate-hook", message, "rename one of the two")
        taken[class_name] = hook.name
        yield from _check_hook(kind, hook)


def _check_hook(kind: ParsedKind, hook: ParsedHook) -> Iterator[Diagnostic]:
    problem = kind.source.problem
    if hook.stream:
        yield from _check_stream(kind, hook)
    if hook.best_effort and hook.dispatch != "broadcast_collect":
        message = f"'{hook.dispatch}' collects no answers, so it has no answer to leave out"
        hint = "remove 'error_policy', or dispatch by 'broadcast_collect'"
        yield problem((*hook.at, "error_policy"), "idle-error-policy", message, hint, key=True)
    if hook.output_schema is None and hook.dispatch != "broadcast_notify":
        message = f"the hook '{hook.name}' lacks the key 'output_schema'"
        hint = "describe the answer; only a 'broadcast_notify' hook may answer nothing"
        yield problem(hook.at, "missing-key", message, hint)
    codes: set[str] = set()
    for index, error in enumerate(hook.errors):
        at = (*hook.at, "errors", index, "code")
        if error.code in _RESERVED_ERRORS:
            message = f"the error code '{error.code}' belongs to the runtime"
            yield problem(at, "reserved-error", message, "use a code of the hook's own")
        if error.code in codes:
            message = f"the error code '{error.code}' is repeated"
            yield problem(at, "duplicate-error", message, "remove one of the two")
        codes.add(error.code)


def _check_stream(kind: ParsedKind, hook: ParsedHook) -> Iterator[Diagnostic]:
    """Find options that exclude `stream`: items go to one caller, one by one."""
    several = f"'{hook.dispatch}' makes one answer of several, or none"
    conflicts = (
        ("dispatch", hook.dispatch not in _STREAMED, several, "use 'singleton' or 'capability'"),
        ("content", hook.content, "content blocks are of a whole result", "remove 'content'"),
        (
            "mcp_tool_name_template",
            hook.exposed and has_function_placeholder(hook.tool),
            "functions answer in one piece",
            "remove '{function}'",
        ),
    )
    for key, conflicts_with_stream, why, remedy in conflicts:
        if conflicts_with_stream:
            message = f"the hook '{hook.name}' streams, and {why}"
            at, hint = (*hook.at, key), f"{remedy}, or remove 'stream'"
            yield kind.source.problem(at, "stream-conflict", message, hint, key=True)


_STREAMED = {"singleton", "capability"}
