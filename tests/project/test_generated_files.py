"""What is generated anew is what would be generated from nothing."""

import shutil
from pathlib import Path

import pytest

from scaffold._project.config.settings import read_settings
from scaffold._project.generate import generated_files as module
from scaffold._project.generate.generated_files import generated
from scaffold._project.generate.generation_cache import FULL_CACHE, NO_CACHE, READ_CACHE
from scaffold._project.generate.generation_plan import plan_generation

GOLDEN = Path(__file__).parents[1] / "generator" / "golden"
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
    plan_generation(repository, FULL_CACHE)
    assert compiled == list(KINDS)
    schema = next((repository / "hookspecs" / "nested_refs" / "schemas").glob("*.json"))
    schema.write_text(schema.read_text().replace("{", '{"$comment": "anew", ', 1))

    compiled.clear()
    after = generated(repository, read_settings(repository), FULL_CACHE)
    assert compiled == ["nested_refs"]

    monkeypatch.setenv("XDG_CACHE_HOME", str(repository / "nowhere"))
    assert generated(repository, read_settings(repository), FULL_CACHE) == after


def test_kinds_in_one_folder_are_told_apart(repository, compiled):
    folder = repository / "hookspecs"
    text = (folder / "minimal" / "v1.yaml").read_text()
    (folder / "minimal" / "v2.yaml").write_text(text.replace('"1.0.0"', '"2.0.0"'))
    files = generated(repository, read_settings(repository), FULL_CACHE)[0].files
    assert {"out/markdown/minimal_v1.md", "out/markdown/minimal_v2.md"} <= files.keys()
    assert generated(repository, read_settings(repository), FULL_CACHE)[0].files == files
    assert len(compiled) == len(KINDS) + 1


def test_the_oldest_is_forgotten_when_too_much_is_kept(repository, monkeypatch):
    cache = repository.parent / "cache" / "hookspec-scaffold"
    generated(repository, read_settings(repository), FULL_CACHE)
    most = max(map(size, cache.iterdir()))
    monkeypatch.setattr("scaffold._project.generate.generation_cache._BYTES", most)
    plan_generation(repository, FULL_CACHE)
    assert sum(map(size, cache.iterdir())) <= most


def poisoned(repository):
    """Fill the cache, and change an entry as another program of the user could."""
    plan_generation(repository, FULL_CACHE)
    folder = repository.parent / "cache" / "hookspec-scaffold"
    for entry in folder.iterdir():
        entry.write_text(entry.read_text().replace("def ", "evil = 1; def "))
    return folder


def wanted(repository, cache):
    return "".join(
        (change.after or b"").decode() for change in plan_generation(repository, cache).changes
    )


def test_the_cache_is_for_its_owner_alone(repository):
    plan_generation(repository, FULL_CACHE)
    folder = repository.parent / "cache" / "hookspec-scaffold"

    assert folder.stat().st_mode & 0o777 == 0o700
    assert {entry.stat().st_mode & 0o777 for entry in folder.iterdir()} == {0o600}


def test_a_cache_of_before_is_closed_to_others_when_it_is_written(repository):
    folder = repository.parent / "cache" / "hookspec-scaffold"
    folder.mkdir(parents=True)
    folder.chmod(0o755)

    plan_generation(repository, FULL_CACHE)

    assert folder.stat().st_mode & 0o777 == 0o700


def test_check_and_continuous_integration_do_without_the_cache(repository, monkeypatch):
    poisoned(repository)
    assert "evil" in wanted(repository, READ_CACHE)

    assert "evil" not in wanted(repository, NO_CACHE)
    monkeypatch.setenv("CI", "true")
    assert "evil" not in wanted(repository, FULL_CACHE)


@pytest.mark.parametrize("mode", [0o777, 0o720])
def test_a_cache_that_others_can_write_is_not_read(repository, mode):
    folder = poisoned(repository)
    folder.chmod(mode)
    assert "evil" not in wanted(repository, READ_CACHE)


def test_an_entry_that_others_can_write_or_that_is_a_link_is_not_read(repository):
    folder = poisoned(repository)
    for entry in folder.iterdir():
        entry.chmod(0o666)
    assert "evil" not in wanted(repository, READ_CACHE)
    for number, entry in enumerate([*folder.iterdir()]):
        entry.chmod(0o600)
        entry.rename(repository / str(number))
        entry.symlink_to(repository / str(number))
    assert "evil" not in wanted(repository, READ_CACHE)


def test_commands_that_only_read_write_no_cache(repository):
    wanted(repository, READ_CACHE)

    assert not (repository.parent / "cache").exists()


def test_a_cache_folder_relative_to_the_current_one_is_not_used(repository, monkeypatch):
    monkeypatch.chdir(repository)
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(repository.parent / "home"))

    plan_generation(repository, FULL_CACHE)

    assert not (repository / "cache").exists()
    assert (repository.parent / "home" / ".cache" / "hookspec-scaffold").is_dir()


def size(path):
    return path.stat().st_size
