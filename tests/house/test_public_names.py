"""Every public name has a line in the reference, and a docstring or a comment below it."""

import ast
import importlib
import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
PACKAGES = [
    "scaffold",
    "scaffold.client",
    "scaffold.contract",
    "scaffold.generator",
    "scaffold.host",
    "scaffold.manifest",
    "scaffold.resources",
    "scaffold.resources.otel",
    "scaffold.server",
    "scaffold.testing",
]
NAMES = [
    (package, name) for package in PACKAGES for name in importlib.import_module(package).__all__
]


def in_reference(package):
    """The names in the table below the heading of a package, and those that refer to `scaffold`."""
    section = REFERENCE.partition(f"\n## `{package}`\n")[2].partition("\n## ")[0]
    also = section.partition("\nAlso in `scaffold`:")[2]
    return [*re.findall(r"^\| `(\w+)", section, re.MULTILINE), *re.findall(r"`(\w+)`", also)]


def test_a_name_that_refers_to_scaffold_is_the_same_object_there():
    front = importlib.import_module("scaffold")
    for package, name in NAMES:
        if name in front.__all__:
            assert getattr(importlib.import_module(package), name) is getattr(front, name)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_reference_lists_exactly_the_exported_names(package):
    assert sorted(in_reference(package)) == sorted(importlib.import_module(package).__all__)


def test_the_reference_has_a_heading_for_each_package():
    assert re.findall(r"^## `([\w.]+)`$", REFERENCE, re.MULTILINE) == PACKAGES


def home_of(module, name):
    """The tree of the module that defines a name, found by following imports."""
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name and node.module.startswith("scaffold"):
                    return home_of(node.module, alias.name)
    return tree


def explanation(package, name):
    """The docstring of a class or function, or the text below the assignment of anything else."""
    tree = home_of(package, name)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return ast.get_docstring(node)
    for node, following in pairwise(tree.body):
        targets = node.targets if isinstance(node, ast.Assign) else [vars(node).get("target")]
        text = vars(following).get("value")
        if name in [getattr(target, "id", None) for target in targets] and text:
            return vars(text).get("value")
    return None


FROM_PYDANTIC = {"Field"}
"""Passed on to generated code, which needs no second import; pydantic documents it."""


def test_every_public_name_says_what_it_is():
    unexplained = {
        name
        for package, name in NAMES
        if name not in FROM_PYDANTIC and not explanation(package, name)
    }
    assert unexplained == set()
