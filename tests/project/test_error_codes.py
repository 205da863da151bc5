"""Every error has a code, and every code a heading in the manual."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACES = {"UsageError": 0, "PreconditionError": 0, "Diagnostic": 3, "problem": 1}
"""Where the code stands among the arguments of what makes an error."""


@cache
def codes():
    """Return every code that is written out in the source, and where."""
    return dict(written_codes())


def written_codes():
    for path in sorted((ROOT / "scaffold").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            place = PLACES.get(name)
            if place is None or len(node.args) <= place:
                continue
            code = node.args[place]
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                yield code.value, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_every_code_has_a_heading():
    headings = re.findall(r"^### `(.+)`$", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE)
    found = codes()

    assert len(found) > 60
    assert {code: place for code, place in found.items() if code not in headings} == {}
    assert len(headings) == len(set(headings))


def test_codes_are_written_in_kebab_case():
    assert [code for code in codes() if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)] == []
