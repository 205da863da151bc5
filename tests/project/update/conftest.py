"""Projects with a past, and a command line to run on them."""

import shutil
import sys
from pathlib import Path

import pytest
from aged_projects import Result, commit, make
from aged_projects import scaffold as spawn

from scaffold._cli.app import main
from scaffold._project.template.template import bundled_versions


@pytest.fixture(autouse=True, scope="session")
def _home(tmp_path_factory):
    """Keep what is remembered, and what a person has set up, out of the home folder."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture
def scaffold(monkeypatch, capsys):
    """Run a command line in this process, through the entry point of the console script."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["scaffold", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Result(ended.value.code or 0, out, err)

    return run


@pytest.fixture(scope="session")
def first_project(tmp_path_factory):
    """A plugin project of the first template version, committed; copy it to change it."""
    folder = make(tmp_path_factory.mktemp("first") / "demo", "tool", version="v1")
    commit(folder, "first")
    return folder


@pytest.fixture
def demo(first_project, tmp_path):
    """A plugin project of the first template version to change."""
    return Path(shutil.copytree(first_project, tmp_path / "demo"))


@pytest.fixture(scope="session")
def second_project(first_project, tmp_path_factory):
    """The same after `scaffold update`, not committed."""
    folder = Path(shutil.copytree(first_project, tmp_path_factory.mktemp("second") / "demo"))
    result = spawn("update", folder)
    assert result.status == 0, result.err
    return folder


@pytest.fixture
def updated(second_project, tmp_path):
    """A plugin project of the newest template version, not committed, to change."""
    return Path(shutil.copytree(second_project, tmp_path / "demo"))


@pytest.fixture
def third(tmp_path):
    """A third version of the template, to be edited; `history` makes a repository of all."""
    folder = tmp_path / "v3"
    newest, template = list(bundled_versions("plugin").items())[-1]
    shutil.copytree(template, folder)
    answers = folder / "template" / "{{_copier_conf.answers_file}}.jinja"
    answers.write_text(answers.read_text().replace(f"_commit: {newest}", "_commit: v3"))
    return folder
