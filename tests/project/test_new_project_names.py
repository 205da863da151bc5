"""The names of a plugin: of its distribution, its package and its class."""

import re
import tomllib
from pathlib import Path

import pytest

from scaffold._project.config.errors import UsageError
from scaffold._project.config.hookspec_lookup import named_hookspec
from scaffold._project.generate.generated_files import plugin_class
from scaffold._project.new_project import RESERVED, package_name
from scaffold.generator import compile_kind


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("demo", "demo"),
        ("my-plugin", "my_plugin"),
        ("My.Great--Tool", "my_great_tool"),
        ("a1", "a1"),
    ],
)
def test_a_package_is_named_in_snake_case(name, package):
    assert package_name(name) == package


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is not a plugin name"),
        ("-demo", "is not a plugin name"),
        ("demo_", "is not a plugin name"),
        ("de mo", "is not a plugin name"),
        ("../demo", "is not a plugin name"),
        ("démo", "is not a plugin name"),
        ("demo\n", "is not a plugin name"),
        ("d" * 41, "is not a plugin name"),
        ("2demo", "would start with a digit"),
        ("class", "is a keyword of Python"),
        ("match", "is a keyword of Python"),
        ("json", "would hide a module of the standard library"),
        ("scaffold", "would hide a package that the plugin needs"),
        ("Tests", "would hide a package that the plugin needs"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_with_the_reason(name, reason):
    with pytest.raises(UsageError, match=reason):
        package_name(name)


def test_every_dependency_of_a_plugin_is_reserved():
    project = tomllib.loads(Path(__file__, "../../../pyproject.toml").resolve().read_text("utf-8"))
    needed = (re.split(r"[<>=]", line)[0] for line in project["project"]["dependencies"])

    assert {name.replace("-", "_") for name in needed} <= RESERVED


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ("demo", "DemoPlugin"),
        ("my_plugin", "MyPlugin"),
        ("tool", "MyToolPlugin"),
        ("a_b", "ABPlugin"),
    ],
)
def test_a_class_is_never_called_like_its_contract(package, expected):
    assert plugin_class(compile_kind(named_hookspec("tool")), package) == expected
