"""The machine and the software that a table was made with."""

import os
import platform
import shutil
import subprocess
import time
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

__all__ = ["describe", "in_one_layout"]

_PACKAGES: Final = (
    "mcp",
    "fastmcp",
    "pydantic",
    "msgspec",
    "orjson",
    "jsonschema-rs",
    "uvicorn",
    "httptools",
    "uvloop",
)

_LOOKED: Final = 0.5
"""Seconds for which interruptions are counted."""
_GAP: Final = 1.5e-6
"""Seconds between two looks at the clock that nothing in between explains."""


def describe() -> list[str]:
    """Return a few lines: the processor, its cores and load, the system, Python, the packages."""
    system = f"{platform.system()} {platform.release()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    packages = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    times, share = _interruptions()
    layout = "one layout of addresses" if in_one_layout() else "addresses laid out at random"
    return [
        f"{os.cpu_count()} cores of {_processor()}, {system}, load {os.getloadavg()[0]:.1f} before",
        f"interrupted at work {times:,.0f} times a second, {share:.0%} of the time; {layout}",
        f"{python}, {packages}",
    ]


@cache
def in_one_layout() -> list[str]:
    """Return what goes before a command whose processes all have the same layout of addresses.

    Nothing if the system does not allow that, as in some containers.
    """
    command = ["setarch", "--addr-no-randomize"]
    if not shutil.which(command[0]):
        return []
    tried = subprocess.run([*command, "true"], check=False, capture_output=True)
    return [] if tried.returncode else command


def _interruptions() -> tuple[float, float]:
    """Return how often something came between two looks at the clock, and how much of the time."""
    now = last = time.perf_counter()
    end = now + _LOOKED
    found: list[float] = []
    while now < end:
        now = time.perf_counter()
        if now - last > _GAP:
            found.append(now - last)
        last = now
    return len(found) / _LOOKED, sum(found) / _LOOKED


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
