"""The plugin under test: made by `scaffold new-plugin`, with our answers put in."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PLUGIN = """
from ._generated.everything_v1 import EverythingPlugin, ExecuteOutput, Function
from .answers import answer, functions


class MyEverythingPlugin(EverythingPlugin):
    def functions(self):
        return [Function(**function) for function in functions()]

    def execute(self, payload):
        return ExecuteOutput(result=None, content=answer(payload.function, payload.args))
"""


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    made = ["everything", "--kind", "everything", "--hookspecs", str(HERE / "hookspecs")]
    command = [str(Path(sys.executable).with_name("scaffold")), "new-plugin", *made]
    options = ["--defaults", "-o", str(folder)]
    subprocess.run([*command, *options], check=True, capture_output=True, timeout=60)
    project = folder / "everything"
    shutil.copy(HERE / "answers.py", project / "everything" / "answers.py")
    (project / "everything" / "plugin.py").write_text(PLUGIN)
    return project


@pytest.fixture(scope="session")
def serve(everything: Path) -> Iterator[Callable[..., str]]:
    """Start a command that announces its URL on stderr; end it when the tests have run."""
    started: list[subprocess.Popen[str]] = []

    def start(*command: str) -> str:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=everything, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("listening on "):
                return line.removeprefix("listening on ").strip()
        raise AssertionError("the server has not started")

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=20)
