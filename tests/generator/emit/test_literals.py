"""Whatever an author writes, what is printed of it is Python, and says the same."""

import ast
import re

from hypothesis import given
from hypothesis import strategies as st

from scaffold.generator import ir
from scaffold.generator._emit.python.line_breaks import WIDTH, Concat, StringLiteral, format_source
from scaffold.generator._emit.python.literals import (
    attribute_docstring,
    docstring,
    python_literal,
    string_literal,
)
from scaffold.generator._emit.python.names import PythonNames, identifiers
from scaffold.generator._emit.python.value_literals import value_expression

HOSTILE = st.sampled_from(
    [
        *('"""', "'''", "\\", '"', "'", "\n", "\r\n", " ", "a.", "# noqa"),
        *("{{ x }}", "{% raw %}", "\\N{DASH}", "\\u0041"),
        *("\x00", "\x0c", "\x1c", "\x85", "\u2028", "\ud800", "\u202e", "\u200b"),
    ]
)
PROSE = st.lists(HOSTILE | st.text(st.characters(), max_size=20), max_size=12).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | PROSE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PROSE, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def words(prose):
    return "".join(re.findall(r"[a-wyz0-9]", prose.lower()))


@given(PROSE)
def test_any_text_is_one_string_literal(value):
    assert ast.literal_eval(string_literal(value)) == value
    assert "\n" not in string_literal(value)


@given(VALUES)
def test_any_json_value_is_one_expression(value):
    assert ast.literal_eval(python_literal(value)) == value


@given(PROSE)
def test_a_string_broken_over_lines_is_the_same_string(value):
    written = format_source(Concat(("value = ", StringLiteral(value))))
    assert ast.literal_eval(written.removeprefix("value = ")) == value


@given(PROSE, st.sampled_from([0, 4, 8]))
def test_any_prose_is_a_docstring_that_keeps_its_words(value, indent):
    pad = " " * indent
    otherwise = "Otherwise."
    for written in (
        docstring(value, indent=indent, otherwise=otherwise),
        attribute_docstring(value or "x"),
    ):
        blocks = "".join(f"{' ' * at}if x:\n" for at in range(0, indent, 4))
        (found,) = [
            node.value
            for node in ast.walk(ast.parse(f"{blocks}{pad}{written}\n"))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert words(value) in words(found)


@given(PROSE)
def test_no_docstring_line_is_longer_than_words_demand(value):
    for line in docstring(value, otherwise="Otherwise.").split("\n"):
        assert len(line) <= WIDTH or " " not in line.strip()


@given(PROSE)
def test_the_summary_of_a_docstring_is_a_sentence_on_a_line_of_its_own(value):
    summary, *rest = docstring(value, otherwise="Otherwise.").split("\n")
    assert summary.removesuffix('"""').endswith((".", "!", "?"))
    assert not rest or rest[0] in {"", '"""'}


@given(st.lists(PROSE, unique=True, max_size=8))
def test_any_properties_become_different_identifiers(names):
    found = identifiers(names)
    assert list(found) == names or set(found) == set(names)
    assert len(set(found.values())) == len(names)
    assert all(name.isidentifier() and not name.startswith("_") for name in found.values())


NAMES = PythonNames(ir.Kind("demo", "1.0.0", "", (), (), False, False, "demo/v1.yaml", ""))


def test_a_whole_number_with_hundreds_of_digits_fits_its_line():
    assert value_expression(ir.Integer(), 1e300, NAMES) == "int(1e+300)"
    assert value_expression(ir.Integer(), 10**100, NAMES) == python_literal(10**100)
    assert value_expression(ir.Integer(), int(1e100), NAMES) == "int(1e+100)"
    assert value_expression(ir.Integer(), 1e6, NAMES) == "1000000"
