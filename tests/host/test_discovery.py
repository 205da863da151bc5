"""Where plugins are found: links, files of others, installed packages, byte order marks."""

import sys

import pytest

from scaffold.contract._errors.errors import DuplicatePlugin, ManifestInvalid
from scaffold.host import Host
from scaffold.host._loading.discovery import find_plugins
from scaffold.manifest._model import read_manifest

TOML = """[plugin]
schema_version = "1"
name = "demo"
kind = "tool"
runtime = "mcp_stdio"
command = ["demo"]
"""
JSON = '{"name": "demo", "kind": "tool", "runtime": "mcp_stdio", "command": ["demo"]}'


def plugin(folder):
    folder.mkdir(parents=True)
    (folder / "dagstack.toml").write_text(TOML)
    return folder


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("package.json", b"{ // a comment\n}"),
        ("package.json", b'{"name": {{ name }}}'),
        ("package.json", b"\xff\xfe{\x00"),
        ("pyproject.toml", b"<<<<<<< ours\n[project]\n"),
        ("pyproject.toml", b"[project\n"),
        ("package.json", b"[" * 200_000),
    ],
)
def test_a_file_of_somebody_else_that_cannot_be_parsed_hides_no_plugin(tmp_path, name, content):
    found = plugin(tmp_path / "team" / "demo")
    (tmp_path / "team" / name).write_bytes(content)
    assert list(find_plugins(tmp_path)) == [found]


def test_a_broken_file_that_names_our_section_is_reported_and_hides_nothing(tmp_path):
    found = plugin(tmp_path / "team" / "demo")
    (tmp_path / "team" / "pyproject.toml").write_text("[tool.dagstack.plugin\n")
    with Host() as host:
        host.discover(tmp_path)
        assert "invalid-toml" in host.status["team"].reason
    assert list(find_plugins(tmp_path)) == [tmp_path / "team", found]


def test_a_broken_file_of_somebody_else_does_not_hide_the_manifest_next_to_it(tmp_path):
    (tmp_path / "pyproject.toml").write_text("{{ broken")
    (tmp_path / "package.json").write_text('{"dagstack": ' + JSON + "}")
    assert read_manifest(tmp_path).name == "demo"


def test_links_are_followed_once_and_loops_end(tmp_path):
    real = plugin(tmp_path / "elsewhere" / "demo")
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "a").symlink_to(real, target_is_directory=True)
    (plugins / "b").symlink_to(real, target_is_directory=True)
    (plugins / "loop").symlink_to(plugins, target_is_directory=True)
    assert list(find_plugins(plugins)) == [plugins / "a"]


@pytest.mark.parametrize(("name", "content"), [("dagstack.toml", TOML), ("dagstack.json", JSON)])
def test_a_byte_order_mark_is_skipped(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8-sig")
    assert read_manifest(tmp_path).name == "demo"


def test_a_key_that_is_twice_in_json_is_an_error_with_its_place(tmp_path):
    (tmp_path / "dagstack.json").write_text(JSON.replace("{", '{\n"name": "x",\n'))
    with pytest.raises(ManifestInvalid) as caught:
        read_manifest(tmp_path)
    expected = "dagstack.json:3:1: said-twice: the key 'name' is there a second time"
    assert expected in caught.value.reason


def test_a_key_that_is_twice_in_a_part_of_somebody_else_is_not_ours_to_judge(tmp_path):
    (tmp_path / "package.json").write_text('{"x": 1, "x": 2, "dagstack": ' + JSON + "}")
    assert read_manifest(tmp_path).name == "demo"


@pytest.fixture
def package(tmp_path, monkeypatch):
    def install(folder, name, value):
        info = tmp_path / folder / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[scaffold.plugins]\nsearch = {value}\n")
        monkeypatch.setattr(sys, "path", [str(tmp_path / folder), *sys.path])

    return install


def test_two_distributions_with_one_plugin_name_are_refused_by_name(package):
    package("one", "acme_one", "acme_one.plugin:P")
    package("two", "acme_two", "acme_two.plugin:P")
    with Host() as host, pytest.raises(DuplicatePlugin) as caught:
        host.discover_installed()
    for named in ("search", "acme_one.plugin:P' of acme_one 1.0", "acme_two.plugin:P' of acme_two"):
        assert named in caught.value.reason


def test_a_distribution_that_is_on_the_path_twice_counts_once(package):
    package("one", "acme_one", "acme_one.plugin:P")
    package("two", "acme-one", "acme_one.plugin:P")
    with Host() as host:
        (status,) = [one for one in host.discover_installed() if one.name == "search"]
    assert "cannot be imported" in status.reason


def test_a_distribution_that_names_a_plugin_for_both_hosts_has_one_plugin(package, tmp_path):
    package("one", "acme_one", "acme_one.plugin:P")
    points = tmp_path / "one" / "acme_one-1.0.dist-info" / "entry_points.txt"
    points.write_text(points.read_text() + "[dagstack.plugins]\nsearch = acme_one:manifest\n")
    with Host() as host:
        (status,) = [one for one in host.discover_installed() if one.name == "search"]
    assert "'acme_one.plugin:P' cannot be imported" in status.reason
