"""`scaffold generate`: regenerate files that are out of date with their hookspecs."""

import gc
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from scaffold._cli.reporting.output import flush, print_lines, print_message, print_messages
from scaffold._printable import printable_line
from scaffold._project.config.errors import PreconditionError, ProjectError, UsageError
from scaffold._project.config.settings import hookspecs_of, read_settings
from scaffold._project.files.atomic_write import apply_changes, locked_project
from scaffold._project.files.file_changes import State, unified_diff
from scaffold._project.generate.generation_cache import FULL_CACHE
from scaffold._project.generate.generation_plan import GenerationPlan, plan_generation

_DONE = {State.STALE: "removed", State.MISSING: "created", State.LEFT: "left alone:"}
_PAUSE = 0.3
"""Seconds between two looks at the hookspecs."""


def generate(
    folder: Path, *, check: bool, diff: bool, watch: bool, set_aside: bool, stub: bool
) -> int:
    """Write what is out of date; with `check` or `diff` only show it, and return 1 if there is."""
    if (check or diff) and (watch or set_aside or stub):
        raise UsageError(
            "contradiction", "--check and --diff write nothing: drop the other options"
        )
    if watch:
        _watch(folder, set_aside=set_aside, stub=stub)
    with _uncollected():
        if check or diff:
            return _show(folder, check=check, diff=diff)
        _write(folder, set_aside=set_aside, stub=stub)
        return 0


@contextmanager
def _uncollected() -> Generator[None]:
    """Switch the garbage collector off: it takes a tenth of the time of a short process."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _show(folder: Path, *, check: bool, diff: bool) -> int:
    plan = plan_generation(folder)
    if check:
        print_lines(plan.check())
    if diff:
        print_lines(plan.diff())
    return 1 if plan.due else 0


def _write(folder: Path, *, set_aside: bool, stub: bool) -> None:
    with locked_project(folder) as undone:
        if undone:
            print_message("restored the files of an interrupted change")
        plan = plan_generation(folder, FULL_CACHE)
        if set_aside:
            plan = plan.with_edits_aside()
        plan.apply()
        for change in plan.due:
            print_message(f"{_DONE.get(change.state, 'updated')} {printable_line(change.path)}")
        if stub:
            _add_missing_methods(plan)
        if plan.due or stub:
            print_messages(plan.notes())


def _add_missing_methods(plan: GenerationPlan) -> None:
    try:
        added = plan.missing_methods()
    except (SyntaxError, ValueError) as error:
        message = f"no methods can be added: {error}"
        advice = "fix the file, or write the methods yourself: 'scaffold generate' lists them"
        raise PreconditionError("no-stub", message, advice) from error
    if added is not None:
        apply_changes(plan.root, [added])
        print_lines(unified_diff([added]))


def _watch(folder: Path, *, set_aside: bool, stub: bool) -> NoReturn:
    """Generate after every change of the hookspecs, until interrupted."""
    from scaffold.generator import SpecError

    hookspecs = hookspecs_of(folder, read_settings(folder))
    seen: object = None
    while True:
        now = _inputs(folder / "pyproject.toml", hookspecs)
        if now != seen:
            seen = now
            try:
                _write(folder, set_aside=set_aside, stub=stub)
                print_message("up to date; watching")
            except (SpecError, ProjectError) as error:
                print_message(f"{error}\nwatching")
            flush()
        time.sleep(_PAUSE)


def _inputs(settings: Path, hookspecs: Path) -> dict[Path, tuple[int, int]]:
    """Return what the files say of themselves that generated code depends on."""
    found: dict[Path, tuple[int, int]] = {}
    for path in (settings, hookspecs, *hookspecs.rglob("*")):
        # An editor may be replacing the file at this moment.
        with suppress(FileNotFoundError):
            state = path.stat()
            found[path] = (state.st_mtime_ns, state.st_size)
    return found
