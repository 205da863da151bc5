"""What every test may ask for."""

import os

# Before scaffold is imported, here and in the processes that tests start.
os.environ["SCAFFOLD_DEBUG_LOCKS"] = "1"


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden/*/expected")
