import subprocess
import sys
from pathlib import Path

import pytest

SERVE = """
import gc, sys
from scaffold.server._bootstrap import lean_imports

with lean_imports():
    {inside}
    assert not gc.isenabled()
assert gc.isenabled()

from scaffold.contract import Model

class Payload(Model):
    text: str

Payload(text="what is checked")
{after}
"""


def run(folder: Path, *, inside: str = "from scaffold.contract import Model", after: str) -> str:
    """Import frugally in a process that finds distributions in `folder` too."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n" + SERVE.format(
        inside=inside, after=after
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A folder with a distribution that watches what pydantic validates."""
    metadata = tmp_path / "watcher-1.0.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: watcher\nVersion: 1.0\n")
    metadata.joinpath("entry_points.txt").write_text("[pydantic]\nwatch = watcher:watcher\n")
    tmp_path.joinpath("watcher.py").write_text(
        "class Watcher:\n"
        "    def new_schema_validator(self, schema, type_, path, kind, config, settings):\n"
        "        print('watched', path.name)\n"
        "        return None, None, None\n"
        "watcher = Watcher()\n"
    )
    return tmp_path


def test_what_is_installed_is_not_read_without_need(tmp_path: Path) -> None:
    assert not run(tmp_path, after="assert 'importlib.metadata' not in sys.modules")


def test_plugins_of_pydantic_are_used_where_they_are_installed(plugin: Path) -> None:
    assert "watched Payload" in run(plugin, after="")


def test_plugins_that_a_folder_may_hide_are_looked_for_by_pydantic(tmp_path: Path) -> None:
    tmp_path.joinpath("packed.zip").write_bytes(b"")
    packed = f"sys.path.append({str(tmp_path / 'packed.zip')!r})"
    code = SERVE.replace("with lean_imports", f"{packed}\nwith lean_imports")
    code = code.format(
        inside="from scaffold.contract import Model",
        after="assert 'importlib.metadata' in sys.modules",
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_whoever_looks_into_the_loader_of_plugins_finds_the_real_one(tmp_path: Path) -> None:
    after = (
        "from pydantic.plugin._loader import PYDANTIC_ENTRY_POINT_GROUP as group\n"
        "assert group == 'pydantic'\n"
        "assert sys.modules['pydantic.plugin._loader'].__file__\n"
    )
    assert not run(tmp_path, after=after)


def test_openssl_is_there_for_whoever_compares_secrets(tmp_path: Path) -> None:
    after = (
        "assert not {'secrets', '_hashlib'} & set(sys.modules)\n"
        "from pydantic import SecretStr\n"
        "assert SecretStr('a') == SecretStr('a') != SecretStr('b')\n"
        "import secrets\n"
        "assert secrets.token_hex(4)\n"
    )
    assert not run(tmp_path, after=after)
