"""What is generated anew is what would be generated from nothing."""

import shutil
from pathlib import Path

import pytest

from scaffold.project import generated as module
from scaffold.project.drift import drift
from scaffold.project.generated import generated
from scaffold.project.settings import read_settings

GOLDEN = Path(__file__).parents[1] / "golden"
KINDS = ("minimal", "nested_refs", "recursive")
SETTINGS = '[tool.scaffold]\nhookspecs = "hookspecs"\n' + "".join(
    f'[[tool.scaffold.targets]]\nemitter = "{emitter}"\nout = "out/{emitter}"\n'
    for emitter in ("python", "openrpc", "markdown")
)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    for kind in KINDS:
        shutil.copytree(GOLDEN / kind, root / "hookspecs" / kind)
        shutil.rmtree(root / "hookspecs" / kind / "expected")
    (root / "pyproject.toml").write_text(SETTINGS)
    return root


@pytest.fixture
def compiled(monkeypatch):
    """The kinds that are compiled."""
    names = []
    compile_kind = module.compile_kind
    monkeypatch.setattr(
        module, "compile_kind", lambda path: names.append(path.parent.name) or compile_kind(path)
    )
    return names


def test_a_change_of_one_kind_leaves_the_others_and_gives_what_a_fresh_start_gives(
    repository, compiled, monkeypatch
):
    drift(repository)
    assert compiled == list(KINDS)
    schema = next((repository / "hookspecs" / "nested_refs" / "schemas").glob("*.json"))
    schema.write_text(schema.read_text().replace("{", '{"$comment": "anew", ', 1))

    compiled.clear()
    after = generated(repository, read_settings(repository))
    assert compiled == ["nested_refs"]

    monkeypatch.setenv("XDG_CACHE_HOME", str(repository / "nowhere"))
    assert generated(repository, read_settings(repository)) == after


def test_kinds_in_one_folder_are_told_apart(repository, compiled):
    folder = repository / "hookspecs"
    text = (folder / "minimal" / "v1.yaml").read_text()
    (folder / "minimal" / "v2.yaml").write_text(text.replace('"1.0.0"', '"2.0.0"'))
    files = generated(repository, read_settings(repository)).files
    assert {"out/markdown/minimal_v1.md", "out/markdown/minimal_v2.md"} <= files.keys()
    assert generated(repository, read_settings(repository)).files == files
    assert len(compiled) == len(KINDS) + 1


def test_the_oldest_is_forgotten_when_too_much_is_kept(repository, monkeypatch):
    cache = repository.parent / "cache" / "hookspec-scaffold"
    generated(repository, read_settings(repository))
    most = max(map(size, cache.iterdir()))
    monkeypatch.setattr("scaffold.project.memo._BYTES", most)
    drift(repository)
    assert sum(map(size, cache.iterdir())) <= most


def size(path):
    return path.stat().st_size
