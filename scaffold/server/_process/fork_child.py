"""Make a forked process behave as a process that `python -m MODULE` or `python FILE` started."""

import os
import runpy
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from scaffold._fork_messages import ForkRequest
from scaffold.server._process.private_settings import take_private_variables

_TIME_ZONE: Final = b"TZ"
_CANNOT_RUN: Final = 126
"""The exit status of shells for a command that cannot be run."""


def run_order(order: ForkRequest, stdio: list[int]) -> None:
    """Run the requested module or file, in a new session, with these descriptors as 0, 1 and 2.

    It returns or raises as the code does; then the interpreter exits in its usual way.
    """
    os.setsid()
    for number, fd in enumerate(stdio):
        os.dup2(fd, number)
        os.close(fd)
    try:
        os.chdir(order.cwd)
    except OSError as error:
        sys.stderr.write(f"cannot run in '{os.fsdecode(order.cwd)}': {error.strerror}\n")
        sys.exit(_CANNOT_RUN)
    _replace_environment(order.env)
    take_private_variables()  # no code of the plugin has run yet
    arguments = [os.fsdecode(argument) for argument in order.arguments]
    sys.orig_argv[1:] = arguments
    if arguments[0] == "-m":
        _, module, *rest = arguments
        sys.argv[:] = ["-m", *rest]
        _prepend_to_path(Path.cwd())
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = arguments
        _prepend_to_path(Path(arguments[0]).resolve().parent)
        runpy.run_path(arguments[0], run_name="__main__")


def _replace_environment(env: Mapping[bytes, bytes]) -> None:
    """Replace the environment. Only differing variables are set, since each `putenv` takes time."""
    current = dict(os.environb)
    for name in current.keys() - env.keys():
        del os.environb[name]
    os.environb.update(item for item in env.items() if current.get(item[0]) != item[1])
    if current.get(_TIME_ZONE) != env.get(_TIME_ZONE):
        time.tzset()


def _prepend_to_path(folder: Path) -> None:
    if not sys.flags.safe_path:
        sys.path.insert(0, str(folder))
