"""A plan says what is to change in a project, and what that leaves to its author."""

import pytest

from scaffold._cli.commands.new_plugin import new_plugin
from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.file_changes import State
from scaffold._project.generate.generation_cache import FULL_CACHE, NO_CACHE
from scaffold._project.generate.generation_plan import plan_generation

HOOKSPEC = "hookspecs/tool/v1.yaml"
DOCS = "docs/tool_v1.md"
NEW_HOOK = "\n  - name: forget\n    dispatch: broadcast_notify\n    description: Forget it all.\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    new_plugin(
        "demo",
        kind="tool",
        hookspecs=None,
        runtimes=(),
        language="python",
        defaults=True,
        data=(),
        output=tmp_path,
    )
    return tmp_path / "demo"


def grow(project):
    hookspec = project / HOOKSPEC
    hookspec.write_text(hookspec.read_text().rstrip() + NEW_HOOK)


def test_a_new_project_is_known_to_the_cache_as_it_would_be_generated(project):
    known, fresh = plan_generation(project), plan_generation(project, NO_CACHE)

    assert known.compiled is None
    assert fresh.compiled is not None
    assert known.changes == fresh.changes
    assert known.due == ()


def test_notes_for_the_author_come_from_the_kind_that_was_compiled(project, monkeypatch):
    grow(project)
    plan = plan_generation(project, FULL_CACHE)
    monkeypatch.setattr("scaffold._project.generate.generated_files.compile_kind", None)

    assert any("new: 'DemoPlugin' lacks 'def forget(" in note for note in plan.notes())


def test_notes_for_the_author_are_the_same_if_the_files_were_in_the_cache(project):
    grow(project)
    compiled, known = plan_generation(project, FULL_CACHE), plan_generation(project)

    assert known.compiled is None
    assert list(known.notes()) == list(compiled.notes())


def test_what_is_shown_is_what_is_applied(project):
    (project / DOCS).unlink()
    plan = plan_generation(project)
    assert list(plan.check()) == [f"{DOCS}: missing"]

    plan.apply()

    assert plan_generation(project).due == ()


def test_a_plan_with_an_edited_file_is_applied_only_with_the_edit_aside(project):
    (project / DOCS).write_text("mine")
    plan = plan_generation(project)
    with pytest.raises(PreconditionError, match="edited by hand"):
        plan.apply()

    aside = plan.with_edits_aside()
    aside.apply()

    assert [each.state for each in aside.due] == [State.MISSING, State.OUTDATED]
    assert (project / f"{DOCS}.edited").read_text() == "mine"
    assert plan_generation(project).due == ()
