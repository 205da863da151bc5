"""Files from a template: copier asks, checks the answers and renders; nothing is written here.

Templates ship with this distribution, each version of one in a folder of its own. What a project
remembers is a stable name and the version, never a path of the machine that made the project.
"""

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from packaging.version import Version

from scaffold._project.config.errors import UsageError
from scaffold._project.template.rendering import isolated_copier

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
