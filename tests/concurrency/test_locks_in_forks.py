"""The locks that a fork holds are taken in their order, whatever was imported first."""

import os
import subprocess
import sys

import pytest

MODULES = ["scaffold.client._process.descriptors", "scaffold._concurrency.safe_imports"]
CODE = """
import importlib, os, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
child = os.fork()
if not child:
    os._exit(0)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.parametrize("modules", [MODULES, MODULES[::-1]], ids=["one order", "the other order"])
def test_a_fork_takes_its_locks_in_order_whatever_was_imported_first(modules):
    done = subprocess.run(
        [sys.executable, "-c", CODE, *modules],
        env={**os.environ, "SCAFFOLD_DEBUG_LOCKS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
