"""Packages that import their names at first use: the three lists of each one agree."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "scaffold"
UNKNOWN = "Hots"
LAZY = sorted(
    path.parent for path in PACKAGE.rglob("__init__.py") if "import_name(" in path.read_text()
)


def module_name(folder):
    return ".".join(folder.relative_to(ROOT).parts)


def assigned(tree, name):
    """Return the literal that a module assigns to a name."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == [name]:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{name} is not assigned")


def imported_for_type_checkers(tree):
    """The names below `if TYPE_CHECKING`, each with the module that it comes from."""
    (block,) = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return {alias.asname or alias.name: node.module for node in block.body for alias in node.names}


def imported_at_once(tree):
    return {
        alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


@pytest.mark.parametrize("folder", LAZY, ids=module_name)
def test_type_checkers_see_each_name_where_it_is_imported_from(folder):
    tree = ast.parse((folder / "__init__.py").read_text())
    assert imported_for_type_checkers(tree) == assigned(tree, "_HOMES")


@pytest.mark.parametrize("folder", LAZY, ids=module_name)
def test_the_exported_names_are_those_that_can_be_imported(folder):
    tree = ast.parse((folder / "__init__.py").read_text())
    at_once = imported_at_once(tree) - {"import_name"}
    assert sorted(assigned(tree, "__all__")) == sorted(at_once | set(assigned(tree, "_HOMES")))


@pytest.mark.parametrize("folder", LAZY, ids=module_name)
def test_each_exported_name_is_the_object_of_its_home(folder):
    package = importlib.import_module(module_name(folder))
    homes = vars(package)["_HOMES"]
    for name in package.__all__:
        found = getattr(package, name)
        if name in homes:
            assert found is getattr(importlib.import_module(homes[name]), name)
    assert sorted(dir(package)) == sorted(package.__all__)


@pytest.mark.parametrize("folder", LAZY, ids=module_name)
def test_an_unknown_name_is_an_attribute_error_that_names_the_package(folder):
    package = importlib.import_module(module_name(folder))
    with pytest.raises(
        AttributeError, match=f"module '{module_name(folder)}' has no attribute '{UNKNOWN}'"
    ):
        getattr(package, UNKNOWN)


def test_the_front_door_is_lazy():
    assert PACKAGE in LAZY


def modules_after(statement):
    """The modules that a statement adds to those of a bare interpreter."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_scaffold_imports_two_small_modules():
    assert modules_after("import scaffold") == {"scaffold", "scaffold._lazy", "scaffold._version"}


def test_the_two_small_modules_import_nothing_when_they_are_imported():
    for name in ("_lazy.py", "_version.py"):
        tree = ast.parse((PACKAGE / name).read_text())
        assert not [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]


def test_an_exception_of_the_front_door_imports_neither_host_nor_client_nor_server():
    found = modules_after("from scaffold import HookError")
    assert "scaffold.contract" in found
    rooms = {".".join(name.split(".")[:2]) for name in found if name.startswith("scaffold.")}
    assert rooms.isdisjoint(
        {"scaffold.host", "scaffold.client", "scaffold.server", "scaffold.testing"}
    )
