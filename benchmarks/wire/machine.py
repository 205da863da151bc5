"""The machine and the software that a table was made with."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Final

__all__ = ["describe"]

_PACKAGES: Final = (
    "mcp",
    "fastmcp",
    "pydantic",
    "msgspec",
    "orjson",
    "jsonschema-rs",
    "pyreqwest",
    "uvicorn",
    "httptools",
    "uvloop",
)


def describe() -> list[str]:
    """Return a few lines: the processor, its cores and load, the system, Python, the packages."""
    system = f"{platform.system()} {platform.release()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    packages = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    return [
        f"{os.cpu_count()} cores of {_processor()}, {system}, load {os.getloadavg()[0]:.1f} before",
        f"{python}, {packages}",
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
