"""The HTTP client against the official suite: the core scenarios, one at a time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from peer_packages import node
from scenarios import ALPHA, STABLE, suite

pytestmark = [pytest.mark.peers, pytest.mark.slow]

CLIENT = Path(__file__).with_name("client.py")
SCENARIOS = [
    *((STABLE, "", name) for name in ("initialize", "tools_call", "sse-retry")),
    *((ALPHA, "2025-06-18", name) for name in ("initialize", "tools_call")),
    *(
        (ALPHA, "2025-11-25", name)
        for name in ("initialize", "tools_call", "sse-retry", "json-schema-2020-12-preservation")
    ),
    *(
        (ALPHA, "2026-07-28", name)
        for name in (
            "tools_call",
            "request-metadata",
            "http-standard-headers",
            "http-custom-headers",
            "http-invalid-tool-headers",
            "json-schema-ref-no-deref",
            "json-schema-2020-12-preservation",
        )
    ),
]


def failures(release: str, revision: str, scenario: str, folder: Path) -> list[str]:
    """Run one scenario; return what failed in it."""
    command = [node(), str(suite(release)), "client", "--command", f"{sys.executable} {CLIENT}"]
    chosen = ["--scenario", scenario, *(["--spec-version", revision] if revision else [])]
    subprocess.run(
        [*command, *chosen, "-o", str(folder)], capture_output=True, timeout=90, check=False
    )
    (checks,) = folder.rglob("checks.json")
    return [
        f"{check['id']}: {check.get('errorMessage', '')}"
        for check in json.loads(checks.read_text())
        if check["status"] == "FAILURE"
    ]


@pytest.mark.parametrize(("release", "revision", "scenario"), SCENARIOS)
def test_a_scenario_passes(release: str, revision: str, scenario: str, tmp_path: Path) -> None:
    assert failures(release, revision, scenario, tmp_path) == []


def test_the_scenarios_are_all_that_apply() -> None:
    assert len(SCENARIOS) == 16
