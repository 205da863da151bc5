"""`scaffold diff` and `scaffold breaking`: two states of hookspecs, compared and judged.

A state is a file, a folder, or `REV:PATH` in git. `scaffold check --against` judges alike.
"""

import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from scaffold._cli.reporting.output import print_lines, print_messages, print_pretty_json
from scaffold._project.config.errors import UsageError
from scaffold._project.config.hookspec_lookup import all_hookspecs, hookspecs_in
from scaffold._project.config.settings import find_settings
from scaffold._project.git.git import run_read_only
from scaffold._project.git.revisions import Reader, extract_hookspecs, resolve_object
from scaffold.generator._compare.compare_kinds import compare, kind_added, kind_removed
from scaffold.generator._compare.render import (
    markdown_lines,
    summary_line,
    text_lines,
    to_json,
    witness_line,
)
from scaffold.generator._compare.report import Bump, ContractChange, Effect, Report, Verdict
from scaffold.generator._compile.compiler import CompiledKind, compile_with_sources
from scaffold.generator._source.diagnostics import Diagnostic, SpecError
from scaffold.generator._source.source_text import Pointer


@dataclass(frozen=True, slots=True)
class Comparison:
    """A report, and the author's text that it speaks of: the new one, if there is one."""

    report: Report
    text: CompiledKind
    side: "_Side"

    def named(self, problems: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Name files as the person did who asked."""
        return sorted({self.side.named(each) for each in problems})


@dataclass(frozen=True, slots=True)
class _Side:
    """Hookspecs on disk, and what to call the place that they came from."""

    path: Path
    root: Path
    name: str

    def compiled(self) -> dict[tuple[str, int], CompiledKind]:
        """Compile every hookspec, by kind and major version."""
        try:
            found = [compile_with_sources(path) for path in _hookspecs(self.path)]
        except SpecError as error:
            raise SpecError(map(self.named, error.diagnostics)) from None
        return {(each.kind.name, each.kind.major): each for each in found}

    def named(self, problem: Diagnostic) -> Diagnostic:
        """Name the file by where it came from, and not by where it was unpacked."""
        return replace(problem, file=problem.file.replace(str(self.root), self.name, 1))


def diff(old: str, new: str | None, *, against: str | None, output_format: str) -> int:
    """Print a report for every kind; whatever it says, the status is 0."""
    print_reports(
        [each.report for each in compare_states(*states_to_compare(old, new, against))],
        output_format,
    )
    return 0


def breaking(old: str, new: str | None, *, against: str | None, as_json: bool) -> int:
    """Print what breaks more than the version says; return 1 if anything does."""
    found = compare_states(*states_to_compare(old, new, against))
    if as_json:
        print_reports([each.report for each in found], "json")
    else:
        print_lines(str(each) for comparison in found for each in breaking_problems(comparison))
        print_messages(summary_line(each.report) for each in found)
    return 0 if all(each.report.is_sufficient for each in found) else 1


def states_to_compare(first: str, second: str | None, against: str | None) -> tuple[str, str, Path]:
    """Return what to compare, old and new, and a folder of the git repository that is meant.

    That is `OLD NEW`, or one path with what stands there at a revision. Raises `UsageError` if it
    is neither.
    """
    if (second is None) == (against is None):
        message = "name two states to compare, or one path and --against"
        raise UsageError("no-comparison", message, "as in 'scaffold diff hookspecs --against main'")
    if second is not None:
        return first, second, Path()
    path = Path(first)
    folder = path if path.is_dir() else path.parent
    found = run_read_only(folder, "rev-parse", "--show-prefix") if path.exists() else None
    if found is None:
        message = f"'{first}' is in no git repository"
        raise UsageError("no-revision", message, "name two folders instead of --against")
    prefix = os.fsdecode(found).removesuffix("\n")
    inside = PurePosixPath(prefix) / ("" if path.is_dir() else path.name)
    return f"{against}:{'' if inside == PurePosixPath() else inside}", first, folder


def compare_states(old: str, new: str, repository: Path) -> list[Comparison]:
    """Judge every kind of two states; a state is a file, a folder, or `REV:path` in git.

    A hookspec is compared with that of the same major version; one whose major version is gone,
    with the next.
    """
    with ExitStack() as stack:
        one = stack.enter_context(_opened(old, repository))
        two = stack.enter_context(_opened(new, repository))
        return list(_pairs(one, two))


def _pairs(first: _Side, second: _Side) -> Iterator[Comparison]:
    before, after = first.compiled(), second.compiled()
    if len(before) == len(after) == 1:  # two files are compared whatever they are called
        (one,), (two,) = before.values(), after.values()
        yield Comparison(compare(one.kind, two.kind), two, second)
        return
    met: set[tuple[str, int]] = set()
    for (name, major), one in before.items():
        later = sorted(key for key in after if key[0] == name and key[1] >= major)
        if later:
            met.add(later[0])
            two = after[later[0]]
            yield Comparison(compare(one.kind, two.kind), two, second)
        else:
            yield Comparison(kind_removed(one.kind), one, first)
    for key, two in after.items():
        if key not in met:
            yield Comparison(kind_added(two.kind), two, second)


def _hookspecs(path: Path) -> list[Path]:
    settings = find_settings(path) if path.is_dir() else None
    return all_hookspecs(path, settings) if settings else hookspecs_in(path)


@contextmanager
def _opened(side: str, repository: Path) -> Generator[_Side]:
    """Find a state on disk, or bring it there for as long as it is looked at."""
    path = Path(side)
    revision, colon, inside = side.partition(":")
    if path.exists() or not colon:
        yield _Side(path, path, side)
        return
    git = partial(run_read_only, repository)
    _, kind = _object(git, side, side)
    name = PurePosixPath(inside).name if kind == "blob" else ""
    parent = PurePosixPath(inside).parent
    tree = f"{revision}:{'' if parent == PurePosixPath() else parent}" if name else side
    with tempfile.TemporaryDirectory(prefix="scaffold-") as made:
        # Named as in the repository: a kind is known by its folder.
        whole = parent.name if name else PurePosixPath(inside).name
        root = Path(made) / (whole.strip(".") or "hookspecs")
        extract_hookspecs(git, _object(git, tree, side)[0], root, side)
        yield _Side(root / name, root, tree)


def _object(git: Reader, name: str, side: str) -> tuple[str, str]:
    found = resolve_object(git, name)
    if found is None:
        message = f"there is no '{side}', neither as a path nor in git"
        advice = "name a file, a folder, or 'REV:path' as git does, from the repository's root"
        raise UsageError("no-revision", message, advice)
    return found


_TEXTS: Final[dict[str, Callable[[Report], Iterator[str]]]] = {
    "text": text_lines,
    "markdown": markdown_lines,
}


def print_reports(reports: list[Report], output_format: str) -> None:
    """Print reports as `text`, `markdown` or `json`."""
    if output_format == "json":
        print_pretty_json([to_json(each) for each in reports])
        return
    for report in reports:
        print_lines(_TEXTS[output_format](report))


def breaking_problems(comparison: Comparison) -> list[Diagnostic]:
    """Return what asks for a greater step than the version made, at its place in the text."""
    report, kind = comparison.report, comparison.text
    if report.is_sufficient:
        return []
    found = [
        _complaint(kind, change, effect)
        for change in report.changes
        for effect in change.effects
        if effect.verdict is not Verdict.COMPATIBLE and effect.bump > report.actual_bump
    ]
    return comparison.named([*found, *_version(comparison)])


def _version(comparison: Comparison) -> Iterator[Diagnostic]:
    report, source = comparison.report, comparison.text.hookspec.source
    if report.new is None or report.old is None:
        message = f"the kind '{report.kind}' was removed"
        yield source.problem(("kind",), "kind-removed", message, "keep it, deprecated, for a while")
        return
    wanted = _after(report.old, report.required_bump)
    message = (
        f"'{report.new}' follows '{report.old}', and the changes ask for {report.required_bump}"
    )
    hint = f"make it '{wanted}'"
    if wanted.partition(".")[0] != report.old.partition(".")[0]:
        hint += f", in a file 'v{wanted.partition('.')[0]}.yaml'"
    yield source.problem(("kind_api_version",), "version-too-low", message, hint)


def _after(version: str, step: Bump) -> str:
    """Return the least version that is the step; of `0.y.z`, `y` is the one that breaks."""
    core = version.partition("+")[0].partition("-")[0]
    major, minor, patch = (int(number) for number in core.split("."))
    if major == 0:
        return f"0.{minor + 1}.0" if step is Bump.MAJOR else f"0.{minor}.{patch + 1}"
    match step:
        case Bump.MAJOR:
            return f"{major + 1}.0.0"
        case Bump.MINOR:
            return f"{major}.{minor + 1}.0"
        case _:
            return f"{major}.{minor}.{patch + 1}"


def _complaint(kind: CompiledKind, change: ContractChange, effect: Effect) -> Diagnostic:
    undecided = effect.verdict is Verdict.UNKNOWN
    code = "undecided" if undecided else f"breaks-{effect.party.value}"
    hook = f"'{change.hook}': " if change.hook else ""
    message = f"{hook}{change.what}; {effect.party.value}: {effect.why}"
    hint = f"if it breaks, it asks for {effect.bump}"
    if effect.witness is not None:
        hint = witness_line(effect.witness)
    source, at = kind.hookspec.source, _place(kind, change)
    document = kind.payloads.get((change.hook, change.subject))
    if document is not None:
        source = document.source
        at = (*document.at, *_steps(change))
    return source.problem(at, code, message, hint)


def _place(kind: CompiledKind, change: ContractChange) -> Pointer:
    for hook in kind.hookspec.hooks:
        if hook.name == change.hook:
            return (*hook.at, change.subject)
    return ("hooks",) if change.hook else ("constraints",)


def _steps(change: ContractChange) -> Pointer:
    """Read the pointer to the first change of a schema."""
    if not change.schema_changes:
        return ()
    parts = change.schema_changes[0].pointer.split("/")[1:]
    names = (part.replace("~1", "/").replace("~0", "~") for part in parts)
    return tuple(int(name) if name.isascii() and name.isdecimal() else name for name in names)
