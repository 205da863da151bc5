"""The files and the functions that the map of the code names exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["CONTRIBUTING.md", "docs/architecture.md"]
CODE = re.compile(r"`([\w./-]+)`")
FUNCTION = re.compile(r"`([\w/]+\.py)` \(`(\w+)`\)")


def known_files():
    """Paths from the root, and from the package."""
    found = set()
    for path in (*(ROOT / "scaffold").rglob("*.py"), *(ROOT / "tests").rglob("*.py")):
        found.add(path.relative_to(ROOT).as_posix())
    return found


def is_there(name, files):
    """Tell whether a path names a file: from the root, from the package, or by its last parts."""
    return any(f"/{file}".endswith(f"/{name}") for file in files)


@pytest.mark.parametrize("page", PAGES)
def test_every_module_that_a_page_names_exists(page):
    files = known_files()
    named = {name for name in CODE.findall((ROOT / page).read_text()) if name.endswith(".py")}
    assert named
    missing = sorted(n for n in named if n != "plugin.py" and not is_there(n, files))
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_every_room_that_a_page_names_exists(page):
    rooms = re.findall(
        r"`((?:_\w+|client|contract|generator|host|server|testing|tests)/[\w/]+)`",
        (ROOT / page).read_text(),
    )
    assert rooms
    missing = [r for r in rooms if not (ROOT / r).exists() and not (ROOT / "scaffold" / r).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_every_function_that_a_page_names_is_in_its_module(page):
    for name, function in FUNCTION.findall((ROOT / page).read_text()):
        (path,) = {f for f in known_files() if f"/{f}".endswith(f"/{name}")}
        text = (ROOT / path).read_text()
        assert re.search(rf"^ *(?:async )?(?:def|class) {function}\b", text, re.MULTILINE), (
            f"{page}: {name} has no {function}"
        )
