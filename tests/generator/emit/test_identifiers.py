"""Names that the runtime has taken are left to it."""

import keyword
from dataclasses import replace

import pydantic
import pytest
from emitted_files import golden

from scaffold.contract import AsyncClient, Client, Functions, Model, Plugin
from scaffold.contract._hooks.hook import DEFAULT_TOOL_NAME
from scaffold.generator import compile_kind
from scaffold.generator._compile.function_tools import USUAL_ARGUMENTS, USUAL_NAME
from scaffold.generator._emit.python.imports import MODULES
from scaffold.generator._emit.python.names import (
    ATTRIBUTES,
    CLASSES,
    METHODS,
    PythonNames,
    identifiers,
)
from scaffold.generator._hookspec.semantic_checks import DEFAULT_TOOL_TEMPLATE


def public(owner):
    return {name for name in dir(owner) if not name.startswith("_")}


def test_every_attribute_of_a_model_is_reserved():
    assert public(pydantic.BaseModel) | public(Model) | public(type(Model)) <= ATTRIBUTES


def test_every_method_of_plugins_and_clients_is_reserved():
    assert public(Plugin) | public(Client) | public(AsyncClient) <= METHODS


def test_every_class_that_bindings_import_is_reserved():
    imported = {name for names in MODULES.values() for name in names.split()}
    assert {name for name in imported if name[0].isupper()} <= CLASSES


@pytest.mark.parametrize("name", [*keyword.kwlist, "schema", "json", "copy", "list", "_hidden"])
def test_a_name_that_python_or_pydantic_has_taken_gets_an_underscore(name):
    found = identifiers([name])[name]
    assert found.isidentifier()
    assert not keyword.iskeyword(found)
    assert found not in ATTRIBUTES


@pytest.mark.parametrize(
    ("name", "attribute"),
    [("maxLength", "max_length"), ("HTTPServer", "http_server"), ("with-dash", "with_dash"),
     ("2fa", "field_2fa"), ("", "field_"), ("naïve", "naive"), ("model_id", "model_id"),
     ("日本", "日本"), ("Größe", "größe"), ("ﬁn", "fin"), ("🚀", "field_"), ("🚀 go", "go_")],
)  # fmt: skip
def test_a_property_becomes_a_snake_case_attribute(name, attribute):
    assert identifiers([name]) == {name: attribute}


def test_a_name_that_needs_no_change_is_never_taken_by_another():
    assert identifiers(["fooBar", "foo_bar"]) == {"foo_bar": "foo_bar", "fooBar": "foo_bar_"}


def test_what_bindings_leave_out_is_what_the_runtime_takes_for_granted():
    usual = Functions(catalogue="list")
    assert (usual.name, usual.arguments) == (USUAL_NAME, USUAL_ARGUMENTS)
    assert DEFAULT_TOOL_TEMPLATE == DEFAULT_TOOL_NAME


def test_the_constant_of_a_kind_is_never_that_of_a_hook():
    kind = compile_kind(golden()[0])
    hooks = tuple(replace(kind.hooks[0], name=name) for name in ("embed", "embed_kind"))
    names = PythonNames(replace(kind, name="embed", hooks=hooks))
    assert names.constant not in names.hooks.values()
