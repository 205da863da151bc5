"""Channels to `patient_server.py`, and programs that use them in a process of their own."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from program_paths import PYTHONPATH

from scaffold.client._stdio.async_channel import AsyncStdioChannel
from scaffold.client._stdio.channel import StdioChannel
from scaffold.contract import Kind

HERE = Path(__file__).parent
COMMAND = [sys.executable, "-S", "-u", str(HERE / "slow_server.py")]


def _hook(**changes):
    said = {"type": "object", "properties": {"said": {}}, "required": ["said"]}
    asked = {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]}
    return {
        "description": "Answers in its time.",
        "dispatch": "singleton",
        "input": {"schema": asked, "object": True, "empty": False},
        "output": {"schema": said, "object": True, "empty": False},
        "exposed": True,
        "tool": "{hook}",
        "functions": None,
        "content": False,
        "idempotent": False,
        "read_only": False,
        **changes,
    }


LONG_TIMEOUT = Kind.from_contract(
    {
        "kind": "long_timeout",
        "version": "1.0.0",
        "digest": "0",
        "hooks": {
            "long_timeout": _hook(timeout=30.0),
            "medium_timeout": _hook(timeout=10.0),
            "short_timeout": _hook(timeout=1.0),
            "again": _hook(timeout=30.0, idempotent=True),
        },
    }
)
"""A kind whose hooks differ in how long they are waited for, and in whether they are repeated."""


def open_blocking(**options):
    return StdioChannel(COMMAND, kind=LONG_TIMEOUT, plugin="long_timeout", **options)


def open_awaited(**options):
    return AsyncStdioChannel(COMMAND, kind=LONG_TIMEOUT, plugin="long_timeout", **options)


def ask(channel, what, hook="long_timeout"):
    """Call a hook; return what it says."""
    return channel.bind(LONG_TIMEOUT.hooks[hook])({"what": what})["said"]


async def asked(channel, what, hook="long_timeout"):
    """Call a hook and await it; return what it says."""
    return (await channel.bind(LONG_TIMEOUT.hooks[hook])({"what": what}))["said"]


def run_program(program, *arguments, seconds=60, **variables):
    """Run a program without checked locks; return what it has printed, or fail with all of it.

    Environment variables are given by name.

    The checks are functions of Python, in which an interrupt finds what it never finds in a lock.
    """
    env = {name: value for name, value in os.environ.items() if name != "SCAFFOLD_DEBUG_LOCKS"}
    env |= {"PYTHONPATH": PYTHONPATH, **variables}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
