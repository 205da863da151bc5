"""A scan of the modules of a plugin, without running them: which names they use, and where.

Only names from imports and builtins are found; other packages are not scanned.
"""

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from typing_extensions import override

MODULE_STATE: Final = "state of the module:"
"""The prefix of a use that changes state of its module."""

_IGNORED: Final = {"_generated", "__pycache__", "__main__.py"}
_CONTAINERS: Final = {"dict", "list", "set", "collections.defaultdict", "collections.deque"}
_CHANGES: Final = {
    *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem"),
    *("remove", "setdefault", "sort", "update"),
}


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a name in a module."""

    name: str
    """The full name, with calls in it: `time.sleep`, `pathlib.Path().read_text`."""
    place: str
    """`file:line`, relative to the plugin's folder."""
    scope: str
    """The enclosing class and function, such as `Demo.execute`; empty at module level."""
    awaits: bool
    """True in an `async def`."""
    literal: bool
    """True for a call whose first argument is a literal text."""


class SourceScan:
    """The modules of a plugin that its author wrote."""

    def __init__(self, folder: Path, entry_point: str) -> None:
        module, _, self._class = entry_point.partition(":")
        self._folder = folder
        self._top = module.partition(".")[0]

    @cached_property
    def modules(self) -> dict[str, ast.Module]:
        """The syntax trees of all modules by path, without modules with syntax errors."""
        found: dict[str, ast.Module] = {}
        for file in self._files():
            try:
                found[str(file.relative_to(self._folder))] = ast.parse(file.read_bytes())
            except SyntaxError:
                continue
        return found

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """All uses of names, in order."""
        return tuple(
            use for path, tree in self.modules.items() for use in _UseCollector(path, tree).read()
        )

    @cached_property
    def methods(self) -> dict[str, str]:
        """The place of each method of the plugin class."""
        return {
            item.name: f"{path}:{item.lineno}"
            for path, tree in self.modules.items()
            for node in tree.body
            if isinstance(node, ast.ClassDef) and node.name == self._class
            for item in node.body
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
        }

    def _files(self) -> Iterator[Path]:
        if not self._top:
            return
        single = self._folder / f"{self._top}.py"
        if single.is_file():
            yield single
        for file in sorted((self._folder / self._top).rglob("*.py")):
            if not _IGNORED.intersection(file.relative_to(self._folder).parts):
                yield file


class _UseCollector(ast.NodeVisitor):
    """Collects the uses of one module."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        self._path = path
        self._tree = tree
        self._names = dict(_imported(tree))
        self._state = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and self._is_container(node.value)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        self._scopes: list[tuple[str, bool]] = []
        self._uses: list[Use] = []

    def read(self) -> list[Use]:
        """Return the uses, in the order of their lines."""
        self.visit(self._tree)
        return self._uses

    @override
    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._enter(node, node.name, awaits=False)

    @override
    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._enter(node, node.name, awaits=False)

    @override
    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._enter(node, node.name, awaits=True)

    @override
    def visit_Global(self, node: ast.Global) -> None:
        for name in node.names:
            self._note(node, f"{MODULE_STATE}{name}")

    @override
    def visit_Call(self, node: ast.Call) -> None:
        name = self._dotted(node.func) or _builtin(node.func)
        if name is None:
            self.visit(node.func)
        else:
            self._note(node, name, literal=_starts_with_text(node))
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
            self._note_state(node, owner)
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            self.visit(argument)

    @override
    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.ctx, ast.Store | ast.Del):
            self._note_state(node, node.value)
        self.generic_visit(node)

    @override
    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self._dotted(node)
        if name is None:
            self.generic_visit(node)
        else:
            self._note(node, name)

    @override
    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self._names:
            self._note(node, self._names[node.id])

    def _enter(
        self,
        node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
        name: str,
        *,
        awaits: bool,
    ) -> None:
        self._scopes.append((name, awaits))
        self.generic_visit(node)
        self._scopes.pop()

    def _note(self, node: ast.expr | ast.stmt, name: str, *, literal: bool = False) -> None:
        scope = ".".join(name for name, _ in self._scopes)
        awaits = bool(self._scopes) and self._scopes[-1][1]
        place = f"{self._path}:{node.lineno}"
        self._uses.append(Use(name, place, scope, awaits, literal))

    def _note_state(self, node: ast.expr, owner: ast.expr | None) -> None:
        if self._scopes and isinstance(owner, ast.Name) and owner.id in self._state:
            self._note(node, f"{MODULE_STATE}{owner.id}")

    def _dotted(self, node: ast.expr) -> str | None:
        """Return the full name for a chain of names, attributes and calls, if it is known."""
        match node:
            case ast.Name():
                return self._names.get(node.id)
            case ast.Attribute():
                owner = self._dotted(node.value)
                return f"{owner}.{node.attr}" if owner else None
            case ast.Call():
                function = self._dotted(node.func)
                return f"{function}()" if function else None
            case _:
                return None

    def _is_container(self, value: ast.expr | None) -> bool:
        if isinstance(value, ast.Call):
            return (self._dotted(value.func) or _builtin(value.func)) in _CONTAINERS
        displays = ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp
        return isinstance(value, displays)


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield all imported names, and the full name of each."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _builtin(function: ast.expr) -> str | None:
    """Return the name of the builtin that is called; elsewhere the name may be a variable."""
    if isinstance(function, ast.Name) and hasattr(builtins, function.id):
        return function.id
    return None


def _starts_with_text(node: ast.Call) -> bool:
    """Return whether the first argument is a literal text, here or in a chained call."""
    if node.args:
        first = node.args[0]
        if isinstance(first, ast.Constant):
            return isinstance(first.value, str)
    inner = node.func.value if isinstance(node.func, ast.Attribute) else None
    return isinstance(inner, ast.Call) and _starts_with_text(inner)
