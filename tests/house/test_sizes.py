"""No module is longer than 300 lines, and no folder has more than 14 modules.

The exceptions are listed with the size that they may have: they must not grow, and an entry that
is no longer needed must be removed.
"""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "scaffold" / "kinds"
MAX_LINES = 300
MAX_MODULES = 14

LONG_MODULES = {}
FULL_FOLDERS = {}


def modules():
    for path in (ROOT / "scaffold").rglob("*.py"):
        if not path.is_relative_to(GENERATED):
            yield path


def relative(path):
    return path.relative_to(ROOT).as_posix()


def over(sizes, limit):
    return {name: size for name, size in sizes.items() if size > limit}


def test_no_module_is_too_long_to_read_in_one_go():
    lines = {relative(path): len(path.read_text().splitlines()) for path in modules()}
    assert judged(over(lines, MAX_LINES), LONG_MODULES) == {}


def test_no_folder_has_too_many_modules_to_look_through():
    counts = Counter(relative(path.parent) for path in modules() if path.name != "__init__.py")
    assert judged(over(counts, MAX_MODULES), FULL_FOLDERS) == {}


def judged(found, allowed):
    """Return what is too big and not allowed, or has grown, and what is allowed without need."""
    too_big = {name: size for name, size in found.items() if size > allowed.get(name, 0)}
    needless = {name: "remove this entry" for name in allowed if name not in found}
    return too_big | needless


def test_an_entry_without_need_is_reported():
    assert judged({"a": 310}, {"a": 320, "b": 320}) == {"b": "remove this entry"}


def test_a_listed_module_that_grows_is_reported():
    assert judged({"a": 321, "c": 301}, {"a": 320}) == {"a": 321, "c": 301}
