"""An author's `plugin.py`: read by its syntax tree, and added to by whole lines."""

import pytest

from scaffold._project.generate.plugin_file import read_plugin_file

FRESH = '''\
"""New."""

from scaffold.contract import HookError
from typing_extensions import override

from ._generated.greeter_v1 import GreeterPlugin, GreetInput, GreetOutput, PartInput, PartOutput


class Demo(GreeterPlugin):
    """New."""

    @override
    def greet(self, payload: GreetInput) -> GreetOutput:
        return GreetOutput(text="example")

    @override
    def part(self, payload: PartInput) -> PartOutput:
        if not payload.name:
            raise HookError("nobody", "there is nobody")
        return PartOutput(text="example")
'''
OWN = """\
from typing_extensions import override
from ._generated.greeter_v1 import (
    GreeterPlugin,
    GreetInput, GreetOutput,
)
class Demo(GreeterPlugin):

    @override
    def greet(self, payload: GreetInput) -> GreetOutput:
        return GreetOutput( text='mine' )   # mine
    # the end
LATER = 1
"""
ADDED = """\

    @override
    def part(self, payload: PartInput) -> PartOutput:
        if not payload.name:
            raise HookError("nobody", "there is nobody")
        return PartOutput(text="example")
"""


def parse(text):
    found = read_plugin_file(text, "Demo")
    assert found is not None
    return found


def added(text, *names):
    return parse(text).with_methods(names, parse(FRESH))


def test_a_method_goes_to_the_end_of_the_class_and_its_imports_after_the_last_of_their_kind():
    assert added(OWN, "part") == OWN.replace("    # the end\n", f"{ADDED}    # the end\n").replace(
        "GreetOutput,\n)\n",
        "GreetOutput,\n)\nfrom scaffold.contract import HookError\n"
        "from ._generated.greeter_v1 import PartInput, PartOutput\n",
    )


def test_the_result_is_python_and_lacks_nothing_any_more():
    result = parse(added(OWN, "part"))

    assert set(result.methods()) == {"greet", "part"}
    assert result.with_methods([], parse(FRESH)) == result.text


def test_methods_are_async_where_all_of_them_are():
    result = added(OWN.replace("    def greet", "    async def greet"), "part")

    assert "    async def part(self, payload: PartInput) -> PartOutput:\n" in result


def test_line_endings_and_indentation_are_those_of_the_file():
    text = OWN.replace("    ", "\t").replace("\n", "\r\n")

    result = added(text, "part")

    assert result.count("\n") == result.count("\r\n")
    assert "\r\n\tdef part(self, payload: PartInput) -> PartOutput:\r\n\t\tif not" in result


def test_a_last_line_without_an_end_is_ended():
    text = OWN.partition("   # mine")[0]

    assert added(text, "part").endswith(f"text='mine' )\n{ADDED}")


def test_what_is_imported_already_is_not_imported_again():
    text = OWN.replace("GreetInput, ", "GreetInput, PartInput, PartOutput, HookError, ")

    assert added(text, "part").count("PartInput") == 2


def test_override_is_used_only_where_the_file_uses_it():
    text = OWN.replace("from typing_extensions import override\n", "").replace(
        "    @override\n", ""
    )

    assert "override" not in added(text, "part")


def test_methods_of_a_base_class_in_the_same_file_count():
    text = OWN.replace("class Demo(GreeterPlugin):", "class Half(GreeterPlugin):")
    text += "class Demo(Half):\n    def part(self, payload):\n        pass\n"

    assert list(parse(text).methods()) == ["greet", "part"]


def test_a_class_on_one_line_cannot_be_added_to():
    with pytest.raises(ValueError, match="'Demo' stands on one line"):
        added("class Demo: pass\n", "part")


def test_a_file_without_the_class_is_none_of_ours():
    assert read_plugin_file("x = 1\n", "Demo") is None
