"""A host, blocking and awaited, with all its error handling, needs two lines of imports."""

import ast
import json
import logging
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import scaffold
from scaffold import contract

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "resilient_host.py"


def run(*command, cwd):
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def imports_of_scaffold():
    tree = ast.parse(EXAMPLE.read_text())
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {
        node.module: {alias.name for alias in node.names}
        for node in found
        if "scaffold" in node.module
    }


def test_two_lines_import_all_that_a_host_needs():
    assert set(imports_of_scaffold()) == {"scaffold", "scaffold.kinds.tool_v1"}


def test_the_example_handles_every_exception():
    handled = [getattr(scaffold, name) for name in imports_of_scaffold()["scaffold"]]
    handled = [e for e in handled if isinstance(e, type) and issubclass(e, contract.ScaffoldError)]
    families = {e for e in handled if e is not contract.ScaffoldError}
    for name in contract.__all__:
        value = getattr(contract, name)
        if isinstance(value, type) and issubclass(value, contract.ScaffoldError):
            assert value is contract.ScaffoldError or families & set(value.__mro__), name


def test_mypy_accepts_the_example():
    # The cache of the repository: a run of `mypy` before this one makes it a matter of a second.
    status, output = run("mypy", "--strict", EXAMPLE, cwd=ROOT)
    assert status == 0, output


@pytest.mark.slow
def test_mypy_refuses_a_wrong_runtime_a_wrong_payload_and_a_missing_await(tmp_path):
    wrong = (
        EXAMPLE.read_text()
        .replace('runtime="in_process"', 'runtime="in_proces"')
        .replace("client.execute(payload).result", "client.execute(3).result", 1)
        .replace("client: AsyncToolClient = await host", "client: AsyncToolClient = host")
    )
    (tmp_path / "wrong.py").write_text(wrong)
    cache = f"--cache-dir={ROOT / '.mypy_cache'}"
    status, output = run("mypy", "--strict", cache, tmp_path / "wrong.py", cwd=ROOT)
    assert status == 1
    assert [line.rsplit("[")[-1] for line in output.splitlines() if ": error:" in line] == [
        "arg-type]",
        "arg-type]",
        "assignment]",
    ], output


@pytest.mark.slow
def test_pyright_accepts_the_example(tmp_path):
    config = {"include": [str(EXAMPLE)], "typeCheckingMode": "strict", "extraPaths": [str(ROOT)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    status, output = run(
        "pyright", "--project", tmp_path, "--pythonpath", sys.executable, cwd=tmp_path
    )
    assert status == 0, output


def test_the_example_says_what_to_do_about_a_folder_without_a_manifest(tmp_path, caplog):
    example = runpy.run_path(str(EXAMPLE))
    payload = example["ExecuteInput"](function="greet", args={})
    with caplog.at_level(logging.ERROR):
        assert example["call"](tmp_path, payload) == 1
    assert caplog.messages[-1].startswith("correct the manifest: ")
