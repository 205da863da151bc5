"""The generator: hookspec text in, files out. Touches no disk but to read, and runs no plugin."""

from scaffold.generator.compiler import compile_kind, kind_files
from scaffold.generator.contract import contract
from scaffold.generator.diagnostics import Diagnostic, SpecError
from scaffold.generator.hookspec.folders import find_kind, list_kinds
from scaffold.generator.hookspec.shipped import shipped_hookspecs

__all__ = [
    "Diagnostic",
    "SpecError",
    "compile_kind",
    "contract",
    "find_kind",
    "kind_files",
    "list_kinds",
    "shipped_hookspecs",
]
