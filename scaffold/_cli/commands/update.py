"""`scaffold update`: merge a newer version of the template into a project."""

from collections.abc import Iterable
from pathlib import Path

from scaffold._cli.reporting.output import print_lines, print_message, print_messages
from scaffold._printable import printable_line
from scaffold._project.config.errors import PreconditionError, UsageError
from scaffold._project.config.hookspec_lookup import pinned_hookspec
from scaffold._project.config.settings import PluginSettings, read_settings
from scaffold._project.files import file_changes
from scaffold._project.files.atomic_write import apply_changes, locked_project
from scaffold._project.files.file_changes import Change, State
from scaffold._project.files.write_journal import refuse_interrupted
from scaffold._project.git.repository import Repository, open_repository
from scaffold._project.new_project import contract_facts
from scaffold._project.template.sources import allow
from scaffold._project.template.update import UpdatePlan, plan_update
from scaffold._project.template.update_abort import (
    delete_record,
    recorded_changes,
    save_record,
    unresolved_conflicts,
)
from scaffold.generator import compile_kind

_DONE = {State.STALE: "removed", State.MISSING: "created"}


def update(
    folder: Path, *, check: bool, diff: bool, abort: bool, to: str | None, template: str | None
) -> int:
    """Merge, and return 3 if a person must resolve conflicts.

    With `check` or `diff` only show it, and return 1 if there is something to merge. `abort` takes
    the last update back. Raises `PreconditionError` if the repository is not ready.
    """
    if abort and (check or diff or to or template):
        raise UsageError("contradiction", "--abort undoes an update: drop the other options")
    if abort:
        return _abort(folder)
    if check or diff:
        refuse_interrupted(folder)
        return _show(_plan(folder, to, template, only_show=True), check=check, diff=diff)
    with locked_project(folder):
        return _update(folder, to, template)


def _update(folder: Path, to: str | None, template: str | None) -> int:
    plan = _plan(folder, to, template, only_show=False)
    if template is not None:
        allow(plan.source)
    if plan.changes:
        save_record(open_repository(folder), plan.changes, plan.conflicts)
        apply_changes(folder, plan.changes)
    for change in plan.changes:
        print_message(f"{_DONE.get(change.state, 'updated')} {printable_line(change.path)}")
    print_message(_versions(plan))
    if not plan.conflicts:
        return 0
    print_messages(_conflicts(plan))
    after = "" if plan.generated else ", run 'scaffold generate'"
    print_message(
        "  help: a file without a reason holds both sides, between '<<<<<<<' and '>>>>>>>': "
        f"keep what is right{after} and commit; 'scaffold update --abort' undoes the update"
    )
    return 3


def _conflicts(plan: UpdatePlan) -> Iterable[str]:
    for path, reason in plan.conflicts.items():
        yield f"conflict in {printable_line(path)}" + (f": {reason}" if reason else "")


def _plan(folder: Path, to: str | None, template: str | None, *, only_show: bool) -> UpdatePlan:
    repository = _ready(folder)
    settings = read_settings(folder)
    if not isinstance(settings, PluginSettings):
        message = f"'{folder}' is a repository of hookspecs, which no template made"
        raise PreconditionError("no-template", message)
    kind = compile_kind(pinned_hookspec(folder, settings))
    facts = contract_facts(kind)
    return plan_update(repository, facts, to=to, source=template, only_show=only_show)


def _ready(folder: Path) -> Repository:
    repository = open_repository(folder)
    repository.refuse_unfinished()
    if repository.dirty() and (conflicts := unresolved_conflicts(repository)):
        listed = ", ".join(f"'{path}'" for path in conflicts)
        message = f"the last update has unresolved conflicts in {listed}"
        advice = "resolve and commit them, or undo the update with 'scaffold update --abort'"
        raise PreconditionError("unresolved", message, advice)
    repository.refuse_dirty()
    return repository


def _show(plan: UpdatePlan, *, check: bool, diff: bool) -> int:
    if check:
        print_lines(_lines(plan))
    if diff:
        print_lines(file_changes.unified_diff(plan.changes))
    print_message(_versions(plan))
    return 1 if plan.changes or plan.conflicts else 0


def _lines(plan: UpdatePlan) -> Iterable[str]:
    for change in plan.changes:
        state = "conflict" if change.path in plan.conflicts else change.state
        yield f"{printable_line(change.path)}: {state}"
    changed = {change.path for change in plan.changes}
    yield from (
        f"{printable_line(path)}: conflict" for path in plan.conflicts if path not in changed
    )


def _versions(plan: UpdatePlan) -> str:
    if plan.before == plan.after:
        return f"template {plan.before}" + ("" if plan.changes else ": up to date")
    return f"template {plan.before} -> {plan.after}"


def _abort(folder: Path) -> int:
    with locked_project(folder):
        repository = open_repository(folder)
        back: list[Change] = [
            each for each in recorded_changes(repository) if each.state is not State.UNCHANGED
        ]
        apply_changes(folder, back)
        delete_record(repository)
    for change in back:
        print_message(f"restored {printable_line(change.path)}")
    return 0
