"""`[tool.scaffold]` in `pyproject.toml`."""

import pytest

from scaffold._project.config.errors import PreconditionError
from scaffold._project.config.settings import (
    PluginSettings,
    RepositorySettings,
    Target,
    hookspecs_of,
    read_settings,
)

PLUGIN = """\
[tool.scaffold]
kind = "tool"
hookspecs = "hookspecs"
package = "demo"
language = "python"
"""
SPECS = """\
[tool.scaffold]
hookspecs = "hookspecs"
[[tool.scaffold.targets]]
emitter = "python"
out = "kinds"
"""


def write(folder, text):
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_a_kind_makes_a_plugin_project(tmp_path):
    settings = read_settings(write(tmp_path, PLUGIN))

    assert settings == PluginSettings("tool", "hookspecs", "demo", "python")


def test_targets_make_a_repository_of_hookspecs(tmp_path):
    settings = read_settings(write(tmp_path, SPECS))

    assert settings == RepositorySettings("hookspecs", (Target("python", "kinds"),))


@pytest.mark.parametrize("text", [None, "", "[tool]\n", "[project]\n"])
def test_a_folder_without_the_table_is_no_project(tmp_path, text):
    if text is not None:
        write(tmp_path, text)

    with pytest.raises(PreconditionError, match="is not a scaffold project"):
        read_settings(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[tool.scaffold\n", "Expected ']'"),
        ("[tool]\nscaffold = 1\n", "Expected `object`, got `int`"),
        (PLUGIN + "colour = 'red'\n", "unknown field `colour`"),
        (PLUGIN.replace('"demo"', "1"), r"got `int` - at `\$.package`"),
        ("[tool.scaffold]\nkind = 'tool'\n", "missing required field `hookspecs`"),
        (SPECS + "into = 'x'\n", r"unknown field `into` - at `\$.targets\[0\]`"),
    ],
)
def test_bad_settings_are_refused_with_their_place(tmp_path, text, reason):
    with pytest.raises(PreconditionError, match=reason):
        read_settings(write(tmp_path, text))


def test_a_package_that_no_python_code_can_name_is_refused(tmp_path):
    for package in ("", "a b", "x import y", "/"):
        with pytest.raises(PreconditionError, match="package"):
            read_settings(write(tmp_path, PLUGIN.replace('"demo"', f'"{package}"')))


@pytest.mark.parametrize(
    "path",
    ["../x", "/usr", "a/../../x", ".git/hooks", ".GIT", "git~1/hooks", "a/.scaffold", "C:/x"],
)
def test_settings_that_leave_the_project_are_refused(tmp_path, path):
    for text in (
        PLUGIN.replace('"hookspecs"', f'"{path}"'),
        PLUGIN.replace('"demo"', f'"{path}"'),
        SPECS.replace('"hookspecs"', f'"{path}"'),
        SPECS.replace('"kinds"', f'"{path}"'),
    ):
        with pytest.raises(PreconditionError) as caught:
            read_settings(write(tmp_path, text))
        assert caught.value.code in ("outside", "settings-invalid")
        assert path in caught.value.message


def test_hookspecs_behind_a_link_that_leads_out_are_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    root = tmp_path / "project"
    root.mkdir()
    settings = read_settings(write(root, PLUGIN))
    (root / "hookspecs").symlink_to("../elsewhere")

    with pytest.raises(PreconditionError, match="'hookspecs' leads out of the project"):
        hookspecs_of(root, settings)


def test_hookspecs_behind_a_link_that_stays_inside_are_found(tmp_path):
    (tmp_path / "contracts").mkdir()
    settings = read_settings(write(tmp_path, PLUGIN))
    (tmp_path / "hookspecs").symlink_to("contracts")

    assert hookspecs_of(tmp_path, settings) == tmp_path / "hookspecs"


@pytest.mark.parametrize("text", ["x = " + "[" * 50_000, "[tool.scaffold]\nx = " + "{a=" * 50_000])
def test_settings_without_an_end_are_refused(tmp_path, text):
    with pytest.raises(PreconditionError, match="pyproject"):
        read_settings(write(tmp_path, text))
