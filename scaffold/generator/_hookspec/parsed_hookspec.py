"""A hookspec as its author wrote it: defaults are filled in, schemas are not looked into."""

from collections.abc import Mapping
from dataclasses import dataclass

from scaffold.generator._source.diagnostics import Diagnostic
from scaffold.generator._source.source_text import Pointer, SourceFile
from scaffold.generator.ir import HookError, Json


@dataclass(frozen=True, slots=True)
class ParsedHook:
    """A hook as its author wrote it; defaults are filled in, schemas are not looked into."""

    at: Pointer
    name: str
    description: str
    dispatch: str
    input_schema: Json
    """The path of a file, an inline schema, or `None`."""
    output_schema: Json
    exposed: bool
    tool: str
    catalogue: str | None
    content: bool
    stream: bool
    best_effort: bool
    errors: tuple[HookError, ...]
    idempotent: bool
    read_only: bool
    timeout: float | None
    since: str | None
    deprecated: str | None


@dataclass(frozen=True, slots=True)
class SilencedWarning:
    """A warning that the author knows of and has a reason to live with."""

    at: Pointer
    code: str
    file: str
    """Relative to the hookspec's folder; empty for all of the kind. A folder ends with `/`."""


@dataclass(frozen=True, slots=True)
class ParsedKind:
    """A hookspec as its author wrote it."""

    source: SourceFile
    name: str
    version: str
    """Empty if the file names none that is one."""
    description: str
    in_process_only: bool
    singleton_per_runtime: bool
    remotes: Mapping[str, str]
    """The folders that hold copies of what URIs mean, by the beginning of the URIs."""
    silenced: tuple[SilencedWarning, ...]
    hooks: tuple[ParsedHook, ...]
    problems: tuple[Diagnostic, ...] = ()
    """What is wrong with the file so far; the rest of it may still be looked into."""
