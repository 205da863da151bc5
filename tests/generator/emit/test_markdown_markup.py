"""Text of hookspecs in pages: it is shown, and takes nothing over."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from scaffold.generator._emit.markdown_markup import block, cell, code, comment

TICKS = "&#96;" * 3
EVIL = [
    *("<img src=x onerror=alert(1)>", "<script>", "</td>", "<b>", "<!--", "<?", "<javascript:a>"),
    *("[a](javascript:x)", "[a]: javascript:x", "[a]", "[a", "]:", "](", "![", "](data:x)"),
    *("`", "``", "```", "````", "~~~", "\\", "|", "| - |", "#", "===", "---", "javascript:x"),
    *(
        "- ",
        "1. ",
        "> ",
        "    ",
        "  ",
        "   ",
        "\t",
        "\n",
        "\n\n",
        "a",
        " ",
        "\u00a0",
        "\u2028",
        "*",
    ),
]


def tokens(text):
    """Return all tokens of a page in which HTML is allowed, those in lines included."""
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    reader.validateLink = lambda _address: True
    found = reader.parse(text)
    return [each for token in found for each in (token, *(token.children or ()))]


def assert_harmless(page):
    for token in tokens(page):
        assert token.type not in ("html_inline", "html_block", "image"), page
        target = token.attrs.get("href", "")
        assert not str(target).startswith(("javascript:", "data:")), page


@given(st.lists(st.sampled_from(EVIL), max_size=14).map("".join))
def test_no_combination_of_markup_takes_a_page_over(text):
    page = (
        f"{block(text)}\n\n## Hooks\n\n| a | b |\n| --- | --- |\n| {cell(text)} | {code(text)} |\n"
    )
    assert_harmless(page)
    headings = [at for at, token in enumerate(tokens(page)) if token.type == "heading_open"]
    assert [tokens(page)[at + 1].content for at in headings][-1:] == ["Hooks"], page


@pytest.mark.parametrize(
    "text",
    [
        r"\`<img src=x onerror=alert(1)>`",
        "`a\n\n<script>alert(1)</script>`",
        "`a\n<div onclick=alert(1)>`",
        "`a\n- <img src=x onerror=alert(1)>`",
        "``` a`b\n<script>alert(1)</script>\n```",
        "- a\n  ```\n<script>alert(1)</script>\n  ```",
        "- ```\n  ```\n  <script>alert(1)</script>\n  ```",
        "a | b\n--|--\n`c | <script>alert(1)</script>`",
        "`|` `<b>`\n",
        "> [a]: javascript:alert(1)\n\n[a]",
        "[a\nb]: javascript:alert(1)\n\n[a b]",
        r"[a\]b]: javascript:alert(1)" + "\n\n" + r"[a\]b]",
        "```\na\n```\u00a0\n",
    ],
)
def test_markup_that_is_code_in_one_reading_only_is_shown_as_it_is_written(text):
    page = f"{block(text)}\n\n## Hooks\n\n| a |\n| --- |\n| {cell(text)} |\n"
    assert_harmless(page)
    assert [token.content for token in tokens(page)].count("Hooks") >= 1
    assert any(token.type == "heading_open" for token in tokens(page)), json.dumps(page)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        ("<script>\nalert(1)\n</script>", "&lt;script>\nalert(1)\n&lt;/script>"),
        ("[a](javascript:alert)", "[a]&#40;javascript:alert)"),
        ("[a]( &#106;avascript:alert)", "[a]&#40; &#106;avascript:alert)"),
        ("[a](data:text/html,x)", "[a]&#40;data:text/html,x)"),
        ("<javascript:alert>", "&lt;javascript:alert>"),
        ("![x](https://example.org/x.png)", "&#33;[x](https://example.org/x.png)"),
        ("# Big", "&#35; Big"),
        ("Big\n===", "Big\n&#61;=="),
        ("Big\n---", "Big\n&#45;--"),
        ("```\nopen", "&#96;&#96;&#96;\nopen"),
        ("~~~~", "&#126;&#126;&#126;&#126;"),
        ("[a]: javascript:alert", "[a]&#58; javascript:alert"),
        ("> [a]: javascript:alert", "> [a]&#58; javascript:alert"),
        ("[a\nb]: javascript:alert", "[a\nb]&#58; javascript:alert"),
        (r"\`<b>`", r"\`&lt;b>`"),
        ("`a\n\n<b>`", "`a\n\n&lt;b>`"),
        ("- ```\n  ```\n  <b>\n  ```", f"- {TICKS}\n  ```\n  <b>\n  ```"),
        ("```\na\n~~~", "&#96;&#96;&#96;\na\n&#126;&#126;&#126;"),
    ],
)
def test_what_would_take_the_page_over_is_shown_as_it_is_written(text, written):
    assert block(text) == written


@pytest.mark.parametrize(
    "text",
    [
        "*Very* **important**, see [the docs](https://example.org/a?b#c) or [here](page.md#part).",
        "- one\n- two\n\n1. first",
        "`List<T>` and ``a`b<c``",
        "```python\nif a < b:\n    # no heading\n```\nafter",
        "Costs 3 > 2; #5 is free, a-b = c.",
    ],
)
def test_formatting_that_harms_nothing_is_kept(text):
    assert block(text) == text


def test_a_cell_is_one_line_and_keeps_its_bars():
    assert cell("a | b\n<b>c") == "a \\| b &lt;b>c"


@pytest.mark.parametrize("name", ["a", "a|`x", "``", "`", "a\n# b", ""])
def test_a_name_does_not_leave_its_code_span(name):
    written = code(name)
    fence = written[: len(written) - len(written.lstrip("`"))]
    inner = written[len(fence) : -len(fence)]
    assert written.endswith(fence)
    assert fence not in inner
    assert "\n" not in written


def test_a_comment_ends_where_we_end_it():
    assert comment("a--><script>\nb/v1.yaml") == "a----script- b/v1.yaml".replace("----", "---")
