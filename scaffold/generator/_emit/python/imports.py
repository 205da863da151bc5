"""Import statements for the names that a module uses, sorted as isort does."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from scaffold.generator._emit.python.line_breaks import WIDTH, Bracket, Concat, format_source

THIRD_PARTY = ("scaffold.contract", "typing_extensions")

MODULES = {
    "abc": "abstractmethod",
    "collections.abc": "AsyncGenerator AsyncIterator Generator Iterator",
    "pathlib": "Path",
    "types": "NoneType",
    "typing": "Annotated ClassVar Literal TypeAlias",
    "scaffold.contract": "ABSENT AsyncChannel AsyncClient AsyncDispatcher AsyncRoutes Channel "
    "Client Dispatch Dispatcher Field Functions Hook HookError Integer Json JsonObject Kind Maybe "
    "MaybeAsyncIterator MaybeAwaitable Model Number Plugin Routes StreamHook Wanted",
    "typing_extensions": "override",
}
"""Where generated code finds what it uses, in the order of the imports."""

_DOCSTRING = re.compile(r'^ *r?"""[\s\S]*?"""', re.MULTILINE)
_NAME = re.compile(r"\b[A-Za-z_]\w*")
_IMPORTABLE = frozenset(" ".join(MODULES.values()).split())
_DOUBTFUL = re.compile(r'"(?:[^"\\\n]|\\.)*"|^ *[A-Za-z_]\w*(?=:)', re.MULTILINE)
"""Texts, and the names of attributes: what stands there may not be a use of a name."""


@lru_cache(maxsize=8)
def _used(code: str) -> frozenset[str]:
    # Every module is asked for the names of several others, one after the other.
    bare = _DOCSTRING.sub("", code)
    doubtful = _NAME.findall(" ".join(_DOUBTFUL.findall(bare)))
    try:
        tree = None if _IMPORTABLE.isdisjoint(doubtful) else ast.parse(code)
    except SyntaxError:  # a part of a module
        tree = None
    return frozenset(_NAME.findall(bare) if tree is None else _names(tree, is_type=False))


def _names(node: ast.AST, *, is_type: bool) -> Iterator[str]:
    """Yield the names that a part of a module uses, those in types written as text among them."""
    match node:
        case ast.Name(name, ast.Load()):
            yield name
        case ast.Constant(str(text)) if is_type:
            yield from _NAME.findall(text)
        case ast.Subscript(ast.Name("Literal")):
            yield "Literal"
        case _:
            for part in ast.iter_child_nodes(node):
                yield from _names(part, is_type=_is_type(part, node, around=is_type))


def _is_type(part: ast.AST, node: ast.AST, *, around: bool) -> bool:
    """Tell whether a part of a node is written as a type is, so that a text in it is code."""
    match node:
        case ast.AnnAssign(_, ast.Name("TypeAlias")):
            return True
        case ast.AnnAssign(_, annotation) | ast.arg(_, annotation):
            return part is annotation
        case ast.FunctionDef(returns=returns) | ast.AsyncFunctionDef(returns=returns):
            return part is returns
        case _:
            return around and not isinstance(node, ast.Call)


def import_block(code: str) -> str:
    """Write the imports of everything in `MODULES` that `code` names: a block for each origin."""
    used = _used(code)
    found = {module: used.intersection(names.split()) for module, names in MODULES.items()}
    lines = {module: _statement(module, names) for module, names in found.items() if names}
    others = [lines.pop(module) for module in THIRD_PARTY if module in lines]
    return "\n\n".join("\n".join(block) for block in (lines.values(), others) if block)


def project_import(module: str, code: str, names: Iterable[str]) -> str:
    """Write the import, from a module of the project, of those names that `code` uses."""
    used = _used(code).intersection(names)
    return _statement(module, used) if used else ""


def export_list(names: Iterable[str]) -> str:
    """Write `__all__`."""
    items = tuple(f'"{name}"' for name in sorted(set(names), key=_export_order))
    return format_source(Concat(("__all__ = ", Bracket("[", items, "]"))))


def _statement(module: str, names: Iterable[str]) -> str:
    items = tuple(sorted(names, key=_import_order))
    line = f"from {module} import {', '.join(items)}"
    if len(line) <= WIDTH:
        return line
    return format_source(Concat((f"from {module} import ", Bracket("(", items, ")"))))


def _rank(name: str) -> int:
    # Constants, then classes, then the rest.
    if name.isupper() and len(name) > 1:
        return 0
    return 1 if name[0].isupper() else 2


def _natural(name: str) -> list[tuple[int, int, str]]:
    # Numbers in names count as numbers: V2 stands before V10.
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _import_order(name: str) -> tuple[object, ...]:
    return _rank(name), _natural(name.lower()), name


def _export_order(name: str) -> tuple[object, ...]:
    return _rank(name), _natural(name)
