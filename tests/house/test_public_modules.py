"""The public modules are those that the architecture lists; code and documents use no others."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEADING = "## Public modules"
IMPORTED = re.compile(r"^\s*(?:from|import) (scaffold(?:\.\w+)*)", re.MULTILINE)
FENCE = re.compile(r"^```py(?:thon)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def is_private(module):
    return any(part.startswith("_") for part in module.split("."))


def modules():
    """The names of all modules of the package."""
    for path in (ROOT / "scaffold").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def listed():
    """The names in the first column of the table in the architecture."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    section = text.partition(f"\n{HEADING}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([\w.]+)`", section, re.MULTILINE))


def public():
    """The modules without a private part. The bindings of kinds are one entry, `scaffold.kinds`."""
    return {
        "scaffold.kinds" if name.startswith("scaffold.kinds.") else name
        for name in modules()
        if not is_private(name)
    }


def test_every_module_without_a_private_part_is_listed():
    assert public() - listed() == set()


def test_every_listed_module_exists():
    assert listed() - public() == set()


def test_examples_in_documents_import_public_modules_only():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    imported = {
        (page.name, name)
        for page in pages
        for block in FENCE.findall(page.read_text())
        for name in IMPORTED.findall(block)
    }
    assert imported
    assert {place for place in imported if is_private(place[1])} == set()


def test_generated_bindings_import_public_modules_only():
    imported = {
        (path.relative_to(ROOT), name)
        for path in (ROOT / "scaffold" / "kinds").rglob("*.py")
        for name in IMPORTED.findall(path.read_text())
    }
    assert imported
    assert {place for place in imported if is_private(place[1])} == set()
