"""Files from a template: copier asks, checks the answers and renders; nothing is written here.

Templates ship with this distribution, each version of one in a folder of its own.

copier is called hardened: it renders a template into an empty folder, and starts no program. It
calls git for templates and projects that lie in repositories. So it is given plain folders and a
search path without programs, and finds no git. What it renders is read back as a tree; nothing that
a template makes lies in a repository, whatever it is called.
"""

import importlib
import io
import os
import re
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, Final, ParamSpec, TypeVar

from packaging.version import Version

from scaffold._filesystem.project_tree import reason_to_refuse
from scaffold._project.config.errors import PreconditionError, UsageError
from scaffold._project.files.trees import Files, read_tree

_P = ParamSpec("_P")
_T = TypeVar("_T")

_COMMANDS: Final = ("tasks", "migrations", "jinja_extensions")
"""What of a template's configuration would run programs or load code."""
_OF_THE_MACHINE: Final = frozenset({"expanduser", "expandvars", "fileglob", "realpath", "relpath"})
"""Filters that tell a template about the machine: its files, folders and environment."""


@dataclass(frozen=True, slots=True)
class RenderedTemplate:
    """What a version of a template makes of answers."""

    files: Files
    config: Mapping[str, Any]
    """What `copier.yml` sets, without `_` before the names."""
    answers: Mapping[str, Any]
    """The answers in `files`, and those that the template derives."""
    only_new: Callable[[Path], bool]
    """Tells of a path whether the template makes it only where it is missing."""


def render_version(
    template: Path,
    known: Mapping[str, bytes],
    *,
    facts: Mapping[str, Any] = MappingProxyType({}),
    exclude: Iterable[str] = (),
    name: str,
) -> RenderedTemplate:
    """Render a version of a template.

    Args:
        template: Its folder.
        known: Files that are there before: that with the answers.
        facts: Answers that override the known ones.
        exclude: Patterns of paths that are left out, as in `.gitignore`.
        name: What the person calls this version, for messages.

    Raises:
        PreconditionError: `template` for whatever is wrong with the template, with its file and
            line; for a template that would run commands or write into a folder of git.
    """
    from copier import Settings, run_copy

    with TemporaryDirectory(prefix="scaffold-") as made:
        folder = Path(made)
        for path, content in known.items():
            (folder / path).write_bytes(content)
        with _explained(template, folder, name), isolated_copier(), _silenced():
            worker = _as_update(run_copy)(
                str(template),
                folder,
                dict(facts),
                settings=Settings(),
                defaults=True,
                overwrite=True,
                quiet=True,
                exclude=list(exclude),
                skip_tasks=True,
            )
            config = dict(worker.template.config_data)
            answers = dict(worker.answers.combined)
            only_new = worker.match_skip
        if commands := [f"'_{each}'" for each in _COMMANDS if config.get(each)]:
            message = f"{name} has commands in its 'copier.yml': {', '.join(commands)}"
            advice = "no template runs commands here; files are moved by '_moves'"
            raise PreconditionError("template", message, advice)
        files = dict(read_tree(folder))
    for path in files:
        if reason := reason_to_refuse(path):
            message = f"{name} would write '{path}', which {reason}"
            raise PreconditionError("template", message, "name another template with --template")
    return RenderedTemplate(files, config, answers, only_new)


def _as_update(call: Callable[_P, _T]) -> Callable[_P, _T]:
    """Have templates see `_copier_operation` as "update", in the old version and in the new one.

    copier's own `run_update` does the same for both. The outermost operation counts.
    """
    mark: Callable[[str], Callable[[Callable[_P, _T]], Callable[_P, _T]]]
    mark = importlib.import_module("copier._main").as_operation
    return mark("update")(call)


@contextmanager
def isolated_copier() -> Generator[None]:
    """Run copier where it finds no program, and where its filters tell nothing of the machine."""
    from plumbum import local

    module = importlib.import_module("jinja2_ansible_filters.core_filters")
    usual = module.FilterModule.filters

    def filters(self: object) -> dict[str, object]:
        found: dict[str, object] = usual(self)
        return {**found, **{each: _Refused(each) for each in _OF_THE_MACHINE & found.keys()}}

    module.FilterModule.filters = filters
    try:
        with local.env(PATH=os.devnull):
            yield
    finally:
        module.FilterModule.filters = usual


@dataclass(frozen=True, slots=True)
class _Refused:
    """A filter that templates may not use."""

    name: str

    def __call__(self, *_arguments: object, **_options: object) -> str:
        raise ValueError(f"the filter '{self.name}' would tell the template about this machine")


@contextmanager
def _silenced() -> Generator[None]:
    """Print nothing of copier's: its banners and warnings name temporary folders."""
    with (
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()),
        warnings.catch_warnings(action="ignore"),
    ):
        yield


@contextmanager
def _explained(template: Path, folder: Path, name: str) -> Generator[None]:
    """Tell whatever goes wrong as a problem of the template, at its place."""
    try:
        yield
    except Exception as error:
        root = template.resolve()
        reason = " ".join(str(error).split()) or type(error).__name__
        for each in (root, template, folder.resolve(), folder):
            reason = reason.replace(f"{each}{os.sep}", "").replace(str(each), ".")
        kind = type(error).__name__
        message = f"{name}{_place(error, root)}: {kind}: {reason}"
        advice = "correct it in the template's repository, or name another with --template"
        raise PreconditionError("template", message, advice) from error


def _place(error: BaseException, root: Path) -> str:
    """Return the file of the template that an error speaks of, and the line if it is known."""
    for each in (error, error.__cause__, error.__context__):
        mark = getattr(each, "problem_mark", None)
        if mark is not None:
            return f", '{_inside(str(mark.name), root) or 'copier.yml'}', line {mark.line + 1}"
        found = getattr(each, "filename", None)
        if isinstance(found, str) and (inside := _inside(found, root)):
            line = getattr(each, "lineno", None)
            return f", '{inside}'" + (f", line {line}" if line else "")
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if inside := _inside(frame.filename, root):
            return f", '{inside}', line {frame.lineno}"
    return ""


def _inside(name: str, root: Path) -> str:
    path = Path(name)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else ""


_VERSION: Final = re.compile(r"v[0-9]+(\.[0-9]+)*")
"""The folder of a version of a template."""


def newest_bundled(name: str) -> Path:
    """Return the folder of the newest version of a template that ships with this distribution."""
    return list(bundled_versions(name).values())[-1]


def bundled_templates() -> set[str]:
    """Return the names of the templates that ship with this distribution."""
    return {path.name for path in _templates().iterdir() if path.is_dir()}


def bundled_versions(name: str) -> dict[str, Path]:
    """Return the folders of all versions of a shipped template, oldest first: `v2`, `v2.1`, `v10`.

    There are none for any other name: what a repository calls a template is never used as a path.
    """
    if name not in bundled_templates():
        return {}
    folders = [path for path in (_templates() / name).iterdir() if _VERSION.fullmatch(path.name)]
    return {path.name: path for path in sorted(folders, key=lambda path: Version(path.name))}


def _templates() -> Path:
    package = Path(str(files("scaffold")))
    installed = package / "_data" / "templates"
    return installed if installed.is_dir() else package.parent / "templates"


def question_names(template: Path) -> list[str]:
    """Return the names of the answers that a template takes, in the order in which it asks."""
    import yaml

    asked: dict[str, Any] = yaml.safe_load((template / "copier.yml").read_text("utf-8"))
    return [
        name
        for name, question in asked.items()
        if not name.startswith("_") and question.get("when", True)
    ]


def render_new_project(
    template: Path,
    *,
    facts: Mapping[str, Any],
    answers: Mapping[str, str],
    defaults: bool,
    interactive: bool,
) -> dict[str, str]:
    """Return the texts of a template's files by their paths, sorted.

    `facts` are what the command knows, `answers` what the person gave. What is missing is asked on
    a terminal (`interactive`), or taken from the template with `defaults`.

    Raises `UsageError` for answers that are missing, unknown or invalid.
    """
    _check_answers(question_names(template), facts, answers, defaults=defaults or interactive)
    with TemporaryDirectory(prefix="scaffold-") as folder:
        _copy(template, Path(folder), {**answers, **facts}, defaults=defaults or not interactive)
        return {
            path.relative_to(folder).as_posix(): path.read_text("utf-8")
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }


def _check_answers(
    names: list[str], facts: Mapping[str, Any], answers: Mapping[str, str], *, defaults: bool
) -> None:
    asked = [name for name in names if name not in facts]
    listed = ", ".join(f"'{name}'" for name in asked)
    if unknown := sorted(answers.keys() - set(asked)):
        message = "the template does not ask for " + ", ".join(f"'{name}'" for name in unknown)
        raise UsageError("unknown-answer", message, f"it asks for {listed}")
    missing = ", ".join(f"'{name}'" for name in asked if name not in answers)
    if missing and not defaults:
        advice = "pass each with --data NAME=VALUE, or use the default answers with --defaults"
        raise UsageError("missing-answers", f"no answer for {missing}", advice)


def _copy(template: Path, folder: Path, data: dict[str, Any], *, defaults: bool) -> None:
    from copier import Settings, run_copy

    try:
        with isolated_copier():
            run_copy(
                str(template),
                folder,
                data,
                # The same project on every machine: a person's own copier settings do not count.
                settings=Settings(),
                defaults=defaults,
                quiet=True,
            )
    except ValueError as error:
        raise UsageError("invalid-answer", " ".join(str(error).split())) from error
