"""Patterns in types: pydantic finds what the schema's validator finds, or the type has none."""

from typing import Annotated

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import StringConstraints, TypeAdapter, ValidationError

from scaffold.generator._schema.types.scalar_types import to_portable

PIECES = st.sampled_from(
    [
        *("a", "b", "-", " ", "/", "'", '"', "#", "&", "~", ",", ":", "é", ".", "^", "$", "|"),
        *("(", ")", "(?:", "(?=", "(?i)", "*", "+", "?", "{2}", "{1,}", "{0,3}", "{,2}", "{", "}"),
        *("[ab]", "[^a]", "[a-c]", "[a-c-]", "[-.]", "[\\w.-]", "[^\\d]", "[&&]", "[]", "[^]"),
        *(
            "[[a]",
            "[a-\\d]",
            "[~~a]",
            "\\d",
            "\\w",
            "\\s",
            "\\b",
            "\\D",
            "\\.",
            "\\/",
            "\\-",
            "\\n",
        ),
        *("\\1", "\\p{L}", "\\x41", "\\u0041", "\\<", "\n", "{1000}"),
    ]
)
TEXTS = st.text(
    st.sampled_from("ab-._ /&~'\"09\n\r\u2028\u0663éAZ[]{}\\^$|")
    | st.characters(exclude_categories=["Cs"])
)


def accepts(pattern, text):
    try:
        TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)]).validate_python(text)
    except ValidationError:
        return False
    return True


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(PIECES, max_size=7), texts=st.lists(TEXTS, min_size=6, max_size=6))
def test_a_portable_pattern_means_the_same_to_both(pieces, texts):
    pattern = "".join(pieces)
    try:
        validator = jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except jsonschema_rs.ValidationError:
        return
    carried = to_portable(pattern)
    if carried is not None:
        for text in texts:
            assert accepts(carried, text) is validator.is_valid(text), (pattern, carried, text)


@pytest.mark.parametrize(
    ("pattern", "carried"),
    [
        ("", ""),
        ("^[a-z][a-z0-9_]*$", "^[a-z][a-z0-9_]*$"),
        (r"^\d{4}-\d{2}$", "^[0-9]{4}-[0-9]{2}$"),
        (r"^[\w.+-]+@\w+\.com$", r"^[A-Za-z0-9_.+-]+@[A-Za-z0-9_]+\.com$"),
        (r"^https?:\/\/", "^https?://"),
        ("^(?:a|b)+?$", "^(?:a|b)+?$"),
        ("^.{0,1000}$", "^.{0,1000}$"),
        (r"^(\w{10}){100}[^\d]*", "^([A-Za-z0-9_]{10}){100}[^0-9]*"),
        (r"([^\d]{100}){10}", "([^0-9]{100}){10}"),
    ],
)
def test_what_people_write_is_carried(pattern, carried):
    assert to_portable(pattern) == carried
    assert accepts(carried, "x") in (True, False)


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"\s", r"\bword", r"\p{L}", "(?=a)", "(?<name>a)", r"(a)\1", "é", "a++", "^*", "[[a]]"),
        *("[a&&b]", "a{1001}", "(a{100}){100}", "a" * 301),
    ],
)
def test_what_languages_read_differently_is_left_to_the_schema(pattern):
    assert to_portable(pattern) is None
