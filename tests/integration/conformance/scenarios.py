"""Which scenarios of the official suite a tools-only server must pass, and how they are run.

The suite counts checks, and counts some as passed that were never made. So what is counted here is
named scenarios: each must have run, and none of its checks may have failed.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from peer_packages import node, npm

STABLE = "0.1.16"
ALPHA = "0.2.0-alpha.12"

_EIGHT = (
    "tools-list",
    "tools-call-simple-text",
    "tools-call-image",
    "tools-call-audio",
    "tools-call-embedded-resource",
    "tools-call-mixed-content",
    "tools-call-error",
    "tools-call-with-progress",
)
_FOURTEEN = (
    "server-initialize",
    "ping",
    *_EIGHT,
    "json-schema-2020-12",
    "server-sse-polling",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
)
HTTP_ONLY = frozenset(
    {
        "dns-rebinding-protection",
        "http-header-validation",
        "http-custom-header-server-validation",
    }
)
"""Scenarios about HTTP itself, which say nothing of a server on pipes."""
NOT_OURS = frozenset(
    {
        "sep-2549-prompts-list-caching-hints",
        "sep-2549-resources-list-caching-hints",
        "sep-2549-resources-templates-list-caching-hints",
    }
)
"""Checks within `caching` that are about prompts and resources, which no kind offers."""


@dataclass(frozen=True)
class Leg:
    """One run of one version of the suite, at one revision of the protocol."""

    release: str
    revision: str
    scenarios: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.release}-{self.revision or 'all'}"


LEGS = (
    Leg(STABLE, "", _FOURTEEN),
    Leg(ALPHA, "2025-03-26", ("server-session-lifecycle",)),
    Leg(ALPHA, "2025-06-18", ("server-initialize", "server-session-lifecycle", "ping", *_EIGHT)),
    Leg(ALPHA, "2025-11-25", ("server-session-lifecycle", *_FOURTEEN)),
    Leg(
        ALPHA,
        "2026-07-28",
        (
            "server-stateless",
            *_EIGHT,
            "json-schema-2020-12",
            "server-sse-multiple-streams",
            "dns-rebinding-protection",
            "http-header-validation",
            "http-custom-header-server-validation",
            "caching",
        ),
    ),
)


def suite(release: str) -> Path:
    """Return the program of one version of the suite."""
    return npm(f"conformance-{release}") / "@modelcontextprotocol/conformance/dist/index.js"


def run(leg: Leg, url: str, folder: Path) -> dict[str, list[str]]:
    """Run a leg; return each scenario that ran and what failed in it."""
    revision = ["--spec-version", leg.revision] if leg.revision else []
    command = [node(), str(suite(leg.release)), "server", "--url", url, "--suite", "all", *revision]
    subprocess.run([*command, "-o", str(folder)], capture_output=True, timeout=180, check=False)
    ran: dict[str, list[str]] = {}
    for checks in folder.glob("server-*/checks.json"):
        name = checks.parent.name.removeprefix("server-").rsplit("-", 6)[0]
        ran[name] = [
            f"{check['id']}: {check.get('errorMessage', '')}"
            for check in json.loads(checks.read_text())
            if check["status"] == "FAILURE" and check["id"] not in NOT_OURS
        ]
    return ran
