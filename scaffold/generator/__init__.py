"""The generator: hookspecs in, text of files out. It writes no file and runs no plugin."""

from scaffold.generator._compile.compiler import compile_kind, kind_files
from scaffold.generator._compile.contract_json import contract
from scaffold.generator._hookspec.folders import find_kind, list_kinds, shipped_hookspecs
from scaffold.generator._source.diagnostics import Diagnostic, SpecError

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
