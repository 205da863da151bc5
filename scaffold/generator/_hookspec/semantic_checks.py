"""The rules of hookspecs that JSON Schema cannot express."""

import re
from collections.abc import Iterator
from pathlib import Path

from scaffold.generator._hookspec.naming import KEYWORDS, RESERVED_ATTRIBUTES, pascal_case
from scaffold.generator._hookspec.parsed_hookspec import ParsedHook, ParsedKind
from scaffold.generator._hookspec.tool_name_checks import check_tool_names, has_function_placeholder
from scaffold.generator._source.diagnostics import Diagnostic
from scaffold.generator._source.source_text import Pointer

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
