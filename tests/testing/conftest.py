"""Plugins in folders of their own, and what the checks say of them."""

import json
import shutil
from pathlib import Path

import pytest

from scaffold._cli.commands.test import subject_in
from scaffold.testing._suites import CHECKS, run_check

PLUGINS = Path(__file__).with_name("plugins")
BY_NAME = {check.name: check for check in CHECKS}


@pytest.fixture
def plugin(tmp_path):
    """Put a plugin of `plugins/` into a folder; `keys` go into its manifest as they are."""

    def make(name, *keys, kind="text_processor", runtime=("in_process",), server=None, env=None):
        folder = tmp_path / name
        folder.mkdir()
        for module in {name, server or name}:
            shutil.copy(PLUGINS / f"{module}.py", folder)
        command = ["python", f"{server}.py"]
        if server is None:
            command = ["python", "-m", "scaffold.server", f"{name}:Plugin", "--name", "demo"]
        pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in (env or {}).items())
        lines = [
            "[plugin]",
            'name = "demo"',
            f'kind = "{kind}"',
            f"runtime = {json.dumps(runtime)}",
            f'entry_point = "{name}:Plugin"',
            *keys,
            "[plugin.mcp_stdio]",
            f"command = {json.dumps(command)}",
            f"env = {{ {pairs} }}",
        ]
        (folder / "dagstack.toml").write_text("\n".join(lines))
        return folder

    return make


@pytest.fixture
def tried():
    """Carry out one check on the plugin in a folder."""

    def carry(folder, name):
        return run_check(BY_NAME[name], subject_in(folder))

    return carry
