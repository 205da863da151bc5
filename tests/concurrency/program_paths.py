"""The folders that programs of these tests, and the servers that they start, import from."""

import os
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent
PYTHONPATH = os.pathsep.join(
    map(
        str,
        (
            TESTS.parent,
            HERE,
            TESTS / "support",
            TESTS / "integration/streams",
            TESTS / "generator/golden/log_reader/expected/log_reader/_generated",
        ),
    )
)
