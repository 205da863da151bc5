"""`[tool.scaffold]` in `pyproject.toml`."""

import pytest

from scaffold.project.errors import PreconditionError
from scaffold.project.settings import PluginSettings, SpecSettings, Target, read_settings

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

    assert settings == SpecSettings("hookspecs", (Target("python", "kinds"),))


@pytest.mark.parametrize("text", [None, "", "[tool]\n", "[project]\n"])
def test_a_folder_without_the_table_is_no_project(tmp_path, text):
    if text is not None:
        write(tmp_path, text)

    with pytest.raises(PreconditionError, match="is no project of scaffold"):
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
