"""What a project remembers of its template."""

import pytest

from scaffold._project.config.errors import PreconditionError
from scaffold._project.template.answers import (
    TemplateOrigin,
    answers_in,
    origin_in,
    read_answers,
    with_origin,
)
from scaffold._project.template.sources import (
    absolute_source,
    allow,
    find_bundled,
    is_allowed,
    permissions_file,
)

TEXT = "# Written by scaffold\n_commit: v1\n_src_path: scaffold:plugin\nname: demo\n"


@pytest.mark.parametrize(
    "source",
    [
        "scaffold:plugin",
        "/srv/my templates/t.git",
        "/srv/t #1.git",
        '/srv/it\'s "quoted".git',
        "/srv/a: b.git",
        "git@example.com:team/t.git",
        "https://example.com/t.git",
        "C:\\templates\\t",
        "/srv/ü 😀.git",
        "/srv/" + "long name " * 30 + "t.git",
        "123",
    ],
)
def test_a_source_is_remembered_as_it_is(source):
    text = with_origin(TEXT, TemplateOrigin(source, "v2"))

    assert origin_in(text) == TemplateOrigin(source, "v2")
    assert answers_in(text) == {"name": "demo"}


def test_what_other_writers_of_yaml_make_of_a_source_is_read():
    for line in ('"a \\u0062"', "'a b'", "a b  # a remark", "a\n  b"):
        assert origin_in(f"_src_path: {line}\n_commit: v1\n") == TemplateOrigin("a b", "v1")


def test_answers_without_a_source_get_one():
    assert origin_in(with_origin("name: demo", TemplateOrigin("x", "v1"))) == TemplateOrigin(
        "x", "v1"
    )


@pytest.mark.parametrize("text", ["- a list\n", "name: [\n", "1: 2\n"])
def test_a_file_that_has_no_answers_is_refused(text):
    with pytest.raises(PreconditionError, match="copier-answers"):
        answers_in(text)


def test_answers_that_lie_outside_of_the_project_are_refused(tmp_path):
    (tmp_path / "outside").write_text(TEXT)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / ".copier-answers.yml").symlink_to(tmp_path / "outside")

    with pytest.raises(PreconditionError) as caught:
        read_answers(tmp_path / "project")

    assert caught.value.code == "outside"


@pytest.mark.parametrize("name", ["scaffold:", "scaffold:/tmp", "scaffold:../plugin", "scaffold:x"])
def test_a_name_that_does_not_ship_is_no_template(name):
    with pytest.raises(PreconditionError) as caught:
        find_bundled(name)

    assert caught.value.code == "unknown-template"


def test_a_relative_path_is_remembered_as_an_absolute_one(tmp_path, monkeypatch):
    (tmp_path / "t.git").mkdir()
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")

    assert absolute_source("../t.git") == str(tmp_path.resolve() / "t.git")
    assert absolute_source("corp:t.git") == "corp:t.git"


def test_a_source_is_allowed_once_a_person_has_named_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    assert not is_allowed("/srv/a b.git")
    allow("/srv/a b.git")
    allow("/srv/a b.git")

    assert is_allowed("/srv/a b.git")
    assert not is_allowed("/srv/a")
    assert permissions_file().read_text() == "/srv/a b.git\n"


def test_a_person_can_allow_all_that_begins_with_an_address(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    permissions_file().parent.mkdir()
    permissions_file().write_text("# ours\nhttps://git.example.com/team/")

    allow("ssh://x/y.git")

    assert is_allowed("https://git.example.com/team/t.git")
    assert is_allowed("ssh://x/y.git")
    assert not is_allowed("https://git.example.com/team/../other/t.git")
    assert not is_allowed("https://git.example.com/teams/t.git")
    assert not is_allowed("# ours")
