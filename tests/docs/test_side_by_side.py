"""The page that shows generated files shows them as they are today."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "side-by-side.md").read_text("utf-8")
MODELS = (ROOT / "scaffold" / "kinds" / "chunker_v1" / "models.py").read_text("utf-8")


def test_the_union_of_the_chunker_is_shown_as_it_is_generated():
    block = re.search(r"Ours:\n\n```python\n(class LineSpan.*?)\n```", PAGE, re.DOTALL)[1]
    for declaration in block.split("\n\n\n"):
        assert declaration in MODELS
