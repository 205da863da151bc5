import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def sdk_urls() -> Iterator[dict[str, str]]:
    """The URLs of the official SDK's server, by the way it is run."""
    command = [sys.executable, str(HERE / "sdk_server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.kill()


@pytest.fixture(
    params=["modern", "modern-json", "legacy", "legacy-json", "legacy-stateless"], scope="session"
)
def sdk_url(request: pytest.FixtureRequest, sdk_urls: dict[str, str]) -> str:
    return sdk_urls[request.param]
