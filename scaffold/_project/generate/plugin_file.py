"""An author's `plugin.py`, read by its syntax tree: what is there, and what can be added to it.

It is never rewritten. New methods go after the last one of the class and new imports after the last
import, as whole lines; every line that was there stays as it is.
"""

import ast
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from scaffold._project.config.access import read_text
from scaffold._project.files.file_changes import resolve_path

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the plugin's class."""

    line: int
    """Of its `def`, counted from 1."""
    signature: str
    """`def execute(self, payload: ExecuteInput) -> ExecuteOutput`."""


@dataclass(frozen=True, slots=True)
class PluginFile:
    """A module and one class in it."""

    text: str
    tree: ast.Module
    plugin: ast.ClassDef

    def methods(self) -> dict[str, Method]:
        """Return what the class defines, or inherits from classes of the same file, by name."""
        return {
            each.name: Method(each.lineno, _signature(each))
            for base in reversed(self._family())
            for each in base.body
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        }

    def with_methods(self, names: Iterable[str], fresh: "PluginFile") -> str:
        """Return the text with methods of another file added, and the imports they need.

        They are `async def` if all methods of the class are. Raises `ValueError` if the class
        stands on one line.
        """
        functions = [each for each in fresh.plugin.body if isinstance(each, Function)]
        added = [each for each in functions if each.name in set(names)]
        if not added:
            return self.text
        if self.plugin.body[0].lineno == self.plugin.lineno:
            message = f"the class '{self.plugin.name}' stands on one line"
            raise ValueError(message)
        lines = self.text.splitlines(keepends=True)
        ending = "\r\n" if lines[0].endswith("\r\n") else "\n"
        inserts = dict(self._imports(added, fresh))
        written = "".join(f"\n{self._method(each, fresh)}" for each in added)
        inserts[self.plugin.end_lineno or len(lines)] = written
        for line, text in sorted(inserts.items(), reverse=True):
            if not lines[line - 1].endswith("\n"):
                lines[line - 1] += ending
            lines.insert(line, text.replace("\n", ending))
        return "".join(lines)

    def _family(self) -> list[ast.ClassDef]:
        classes = {each.name: each for each in self.tree.body if isinstance(each, ast.ClassDef)}
        family, waiting = [self.plugin], [*self.plugin.bases]
        while waiting:
            base = waiting.pop(0)
            if isinstance(base, ast.Name) and base.id in classes:
                found = classes.pop(base.id)
                family.append(found)
                waiting += found.bases
        return family

    def _method(self, method: Function, fresh: "PluginFile") -> str:
        """Return a method of another file in the manner of this one."""
        known = _bound(self.tree)
        first, *rest = fresh.text.splitlines()[method.lineno - 1 : method.end_lineno]
        own = [each for each in self.plugin.body if isinstance(each, Function)]
        if own and all(isinstance(each, ast.AsyncFunctionDef) for each in own):
            first = first.replace("def ", "async def ", 1)
        source = ["    @override", first, *rest] if "override" in known else [first, *rest]
        body = self.plugin.body[0]
        indent = self.text.splitlines()[body.lineno - 1][: body.col_offset]
        return "".join(f"{_indented(line, indent)}\n" for line in source)

    def _imports(
        self, methods: Iterable[Function], fresh: "PluginFile"
    ) -> Iterator[tuple[int, str]]:
        """Yield the lines of import after which to insert, and what."""
        known = _bound(self.tree)
        used = {
            node.id
            for method in methods
            for part in (method.args, method.returns, *method.body)
            if part is not None
            for node in ast.walk(part)
            if isinstance(node, ast.Name)
        }
        found: dict[int, str] = {}
        for statement in fresh.tree.body:
            if isinstance(statement, ast.ImportFrom):
                names = sorted(each.name for each in statement.names if each.name in used - known)
                if names:
                    module = f"{'.' * statement.level}{statement.module or ''}"
                    resolve_path = self._after_import(module)
                    line = f"from {module} import {', '.join(names)}\n"
                    found[resolve_path] = found.get(resolve_path, "") + line
        yield from found.items()

    def _after_import(self, module: str) -> int:
        imports = [each for each in self.tree.body if isinstance(each, ast.Import | ast.ImportFrom)]
        same = [
            each
            for each in imports
            if isinstance(each, ast.ImportFrom)
            and f"{'.' * each.level}{each.module or ''}" == module
        ]
        for statements in (same, imports):
            if statements:
                return statements[-1].end_lineno or statements[-1].lineno
        # A plugin's base class is imported. Without an import, the line before the class will do.
        return self.plugin.lineno - 1 or 1


def read_plugin_file(text: str, class_name: str) -> PluginFile | None:
    """Read a module; None if it has no such class. Raises `SyntaxError`."""
    tree = ast.parse(text)
    for each in tree.body:
        if isinstance(each, ast.ClassDef) and each.name == class_name:
            return PluginFile(text, tree, each)
    return None


def entry_point(root: Path) -> tuple[str, str] | None:
    """Return the file of a plugin, relative to its project, and its class, as its manifest says.

    Raises `PreconditionError` if the manifest or the file is not one of the project.
    """
    try:
        manifest: Mapping[str, Mapping[str, object]] = tomllib.loads(
            read_text(root, "dagstack.toml")
        )
        module, _, name = str(manifest["plugin"]["entry_point"]).partition(":")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    path = f"{module.replace('.', '/')}.py"
    return (path, name) if resolve_path(root, path).is_file() else None


def _bound(tree: ast.Module) -> set[str]:
    """Return the names that a module gives a meaning."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {each.asname or each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
    return names


def _signature(function: Function) -> str:
    word = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    return f"{word} {function.name}({ast.unparse(function.args)}){returns}"


def _indented(line: str, indent: str) -> str:
    stripped = line.lstrip(" ")
    levels, rest = divmod(len(line) - len(stripped), 4)
    return f"{indent * levels}{' ' * rest}{stripped}"
