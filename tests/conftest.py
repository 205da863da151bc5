"""What every test may ask for."""

import os
import signal
import sys

from hypothesis import HealthCheck, settings

# Before scaffold is imported, here and in the processes that tests start.
os.environ["SCAFFOLD_DEBUG_LOCKS"] = "1"
# Commands behave differently where these are set; a test that means it sets them itself.
for _name in ("CI", "GITHUB_ACTIONS"):
    os.environ.pop(_name, None)
# A shell ignores interrupts for commands in the background, and tests send some.
signal.signal(signal.SIGINT, signal.default_int_handler)


# No property is held to a time: a busy machine may take any. Before the tests are imported.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# What is compiled once is kept: the tests start hundreds of processes that import the same modules.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite generator/golden/*/expected"
    )
