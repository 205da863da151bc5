"""Text of hookspecs in pages: it is shown, and takes nothing over."""

import pytest

from scaffold.generator._emit.markdown import block, cell, code, comment


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
        ("[a]: javascript:alert", "&#91;a]: javascript:alert"),
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
