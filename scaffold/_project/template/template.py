"""Files from a template: copier asks, checks the answers and renders; nothing is written here.

Templates ship with this distribution, each version of one in a folder of its own. What a project
remembers is in `.copier-answers.yml`: the answers, a stable name and the version of the template,
never a path of the machine that made the project.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from msgspec import ValidationError, convert
from packaging.version import Version

from scaffold._project.config.access import read_text
from scaffold._project.config.errors import PreconditionError, UsageError
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


ANSWERS: Final = ".copier-answers.yml"
SHIPPED: Final = "scaffold:"
"""Begins the names of the templates that ship with this distribution."""

_SOURCE: Final = "_src_path"
_VERSION_KEY: Final = "_commit"
_LINE: Final = r"^{}:(?P<value>.*(?:\n[ \t]+.*)*)\n?"
"""A key with its value, which YAML may fold into several lines."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./@+:-]*(?<!:)")
"""What YAML reads as the same text without quotes, unless it looks like a number."""


@dataclass(frozen=True, slots=True)
class TemplateOrigin:
    """Where a project's template files are from."""

    source: str
    """`scaffold:plugin`, or what git can clone."""
    version: str
    """A tag of the template: `v1`."""


def read_answers(root: Path) -> str:
    """Read the answers of a project.

    Raises:
        PreconditionError: `no-template` if there is no such file; `outside` or `unreadable` if it
            leads out of the project, or is not a regular file.
    """
    try:
        return read_text(root, ANSWERS)
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise _no_template(root) from error


def read_origin(root: Path) -> TemplateOrigin:
    """Read which template a project is made from; raise `PreconditionError` if it says none."""
    origin = origin_in(read_answers(root))
    if origin is None:
        raise _no_template(root)
    return origin


def origin_in(text: str) -> TemplateOrigin | None:
    """Return which template the text of an answers file names."""
    source, version = _value(text, _SOURCE), _value(text, _VERSION_KEY)
    return TemplateOrigin(source, version) if source and version else None


def with_origin(text: str, origin: TemplateOrigin) -> str:
    """Return the text of an answers file with another template or version."""
    for key, value in ((_SOURCE, origin.source), (_VERSION_KEY, origin.version)):
        line = f"{key}: {_quoted(value)}\n"
        found = re.search(_LINE.format(key), text, re.MULTILINE)
        if found is not None:
            text = text[: found.start()] + line + text[found.end() :]
        else:
            text = f"{text}{line}" if text.endswith("\n") or not text else f"{text}\n{line}"
    return text


def answers_in(text: str) -> dict[str, Any]:
    """Return the answers in the text of an answers file, or raise `PreconditionError`."""
    import yaml

    try:
        loaded = convert(yaml.safe_load(text), dict[str, Any])
    except (yaml.YAMLError, ValidationError, ValueError, RecursionError) as error:
        message = f"'{ANSWERS}' cannot be read: {' '.join(str(error).split())}"
        raise PreconditionError("no-template", message, _ADVICE) from error
    return {key: value for key, value in loaded.items() if not key.startswith("_")}


_ADVICE: Final = f"bring back '{ANSWERS}', which 'scaffold new-plugin' wrote"


def _no_template(root: Path) -> PreconditionError:
    message = f"'{root}' does not say which template it was made from"
    return PreconditionError("no-template", message, _ADVICE)


def _value(text: str, key: str) -> str | None:
    found = re.search(_LINE.format(key), text, re.MULTILINE)
    value = found["value"].strip() if found else ""
    if not value or _PLAIN.fullmatch(value):
        return value
    import yaml

    try:
        loaded = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return loaded if isinstance(loaded, str) else None


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value) and not value.isdigit():
        return value
    # A JSON string is a YAML one, but for line separators that only JSON allows in it.
    return json.dumps(value, ensure_ascii=not value.isprintable())
