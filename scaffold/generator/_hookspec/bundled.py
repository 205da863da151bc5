"""Where the hookspecs that come with scaffold are: in the wheel, or in a checkout."""

from functools import cache
from pathlib import Path


@cache
def shipped_hookspecs() -> Path:
    """Return the folder of the shipped kinds."""
    package = Path(__file__).resolve().parents[2]
    packed = package / "_data" / "hookspecs"
    return packed if packed.is_dir() else package.parent / "hookspecs"


def hookspec_format_path() -> Path:
    """Return the JSON Schema of the hookspec format itself."""
    return shipped_hookspecs() / "hookspec.schema.json"
