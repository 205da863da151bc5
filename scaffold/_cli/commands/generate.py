"""`scaffold generate`: regenerate files that are out of date with their hookspecs."""

import gc
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from scaffold._cli.reporting.output import flush, print_lines, print_message, print_messages
from scaffold._printable import printable_line
from scaffold._project.config.errors import PreconditionError, ProjectError, UsageError
from scaffold._project.config.settings import PluginSettings, hookspecs_of, read_settings
from scaffold._project.files import file_changes
from scaffold._project.files.atomic_write import apply_changes
from scaffold._project.files.file_changes import Change, State, refuse_edits
from scaffold._project.files.write_journal import locked_project
from scaffold._project.generate.generation_cache import FULL_CACHE, READ_CACHE, Cache
from scaffold._project.generate.generation_plan import plan_generation

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
        if not (check or diff):
            _write(folder, set_aside=set_aside, stub=stub)
            return 0
        due = _due(folder, READ_CACHE)
        print_lines(_lines(due, check=check, diff=diff))
        return 1 if due else 0


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


def _due(folder: Path, cache: Cache) -> list[Change]:
    return [
        change for change in plan_generation(folder, cache) if change.state is not State.UNCHANGED
    ]


def _write(folder: Path, *, set_aside: bool, stub: bool) -> None:
    settings = read_settings(folder)
    with locked_project(folder) as undone:
        if undone:
            print_message("restored the files of an interrupted change")
        due = _due(folder, FULL_CACHE)
        if set_aside:
            due = list(file_changes.set_aside(folder, due))
        refuse_edits(due)
        apply_changes(folder, due)
        for change in due:
            print_message(f"{_DONE.get(change.state, 'updated')} {printable_line(change.path)}")
        if isinstance(settings, PluginSettings) and (due or stub):
            _tell(folder, settings, due, stub=stub)


def _tell(folder: Path, settings: PluginSettings, due: list[Change], *, stub: bool) -> None:
    """Print what the author still has to change; with `stub`, add the missing methods."""
    from scaffold._project.config.hookspec_lookup import pinned_hookspec
    from scaffold._project.generate.author_notes import add_missing_methods, author_notes
    from scaffold.generator import compile_kind

    kind = compile_kind(pinned_hookspec(folder, settings))
    if stub:
        try:
            added = add_missing_methods(folder, settings, kind)
        except (SyntaxError, ValueError) as error:
            message = f"no methods can be added: {error}"
            advice = "fix the file, or write the methods yourself: 'scaffold generate' lists them"
            raise PreconditionError("no-stub", message, advice) from error
        if added is not None:
            apply_changes(folder, [added])
            print_lines(file_changes.unified_diff([added]))
    print_messages(author_notes(folder, settings, kind, due))


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


def _lines(due: list[Change], *, check: bool, diff: bool) -> Iterable[str]:
    if check:
        yield from (f"{printable_line(change.path)}: {change.state}" for change in due)
    if diff:
        yield from file_changes.unified_diff(due)
