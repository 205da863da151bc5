"""Finding kinds in folders of hookspecs: `<folder>/<kind>/v<N>.yaml`, or a single YAML file.

The kinds that ship with scaffold are one of these folders, in the wheel or in a checkout.
"""

import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from scaffold._filesystem.project_tree import reason_to_refuse
from scaffold.generator._hookspec.naming import did_you_mean
from scaffold.generator._source.diagnostics import Diagnostic, SpecError

_VERSION = re.compile(r"v(0|[1-9][0-9]*)\.ya?ml")
_WANTED = re.compile(r"(?P<kind>.+?)(?:@v?|_v)(?P<major>[0-9]+)")


def list_kinds(folders: Sequence[Path], within: Path | None = None) -> dict[str, dict[int, Path]]:
    """Return the hookspec file of every kind and major version; earlier folders win.

    A folder holds `<kind>/v<N>.yaml` or `kinds/<kind>/v<N>.yaml`. It may also be one kind's own
    folder, or a YAML file. Links may lead to files of the folder itself, or `within` another one;
    a link that is named itself may lead to files of the current folder if it is in it, or else of
    its own folder. Raises `SpecError` with `hookspec-outside` for others.
    """
    found: dict[str, dict[int, Path]] = {}
    for folder in folders:
        for kind, major, path in _in_folder(folder, within):
            found.setdefault(kind, {}).setdefault(major, path)
    return found


def find_kind(name: str, folders: Sequence[Path], within: Path | None = None) -> Path:
    """Return the hookspec file of a kind: the newest major version, or that of `tool@1`.

    Raises `SpecError` with `unknown-kind` if no folder has it, and as `list_kinds` does.
    """
    kinds = list_kinds(folders, within)
    if name in kinds:
        return kinds[name][max(kinds[name])]
    wanted = _WANTED.fullmatch(name)
    if wanted and int(wanted["major"]) in kinds.get(wanted["kind"], {}):
        return kinds[wanted["kind"]][int(wanted["major"])]
    if wanted and wanted["kind"] in kinds:
        majors = ", ".join(f"'{wanted['kind']}@{major}'" for major in sorted(kinds[wanted["kind"]]))
        hint = f"there is: {majors}"
    else:
        hint = did_you_mean(wanted["kind"] if wanted else name, kinds)
    where = str(folders[0]) if folders else "."
    raise SpecError([Diagnostic(where, 1, 1, "unknown-kind", f"there is no kind '{name}'", hint)])


def require_inside(path: Path, within: Path) -> Path:
    """Return where a file really is; raise `SpecError` if that is not within a folder."""
    return _require_inside(path, within, os.path.realpath(within))


def _require_inside(path: Path, within: Path, base: str) -> Path:
    real = os.path.realpath(path)
    inner = real.removeprefix(base.rstrip(os.sep) + os.sep)
    if inner != real or real == base:
        reason = reason_to_refuse(inner.replace(os.sep, "/") if inner != real else "")
    else:
        reason = f"leads out of '{within}', to '{real}'"
    if reason is None:
        return Path(real)
    message, hint = f"the hookspec {reason}", "replace the link by the file"
    raise SpecError([Diagnostic(str(path), 1, 1, "hookspec-outside", message, hint)])


def _in_folder(folder: Path, within: Path | None) -> Iterator[tuple[str, int, Path]]:
    if not folder.is_dir():
        if os.path.lexists(folder):
            match = _VERSION.fullmatch(folder.name)
            real = require_inside(folder, within or _named_within(folder))
            yield (real.parent.name if match else folder.stem), _major(match), folder
        return
    within = within or folder
    base = os.path.realpath(within)
    for pattern in ("*/v*.y*ml", "kinds/*/v*.y*ml", "v*.y*ml"):
        for path in sorted(folder.glob(pattern)):
            match = _VERSION.fullmatch(path.name)
            if match:
                yield _require_inside(path, within, base).parent.name, _major(match), path


def _named_within(file: Path) -> Path:
    """Return the folder that a file which a person names must be in, where links lead as well.

    A tool may name every file of a repository, and one of them may be a link to a secret.
    """
    current = Path.cwd()
    inside = Path(os.path.normpath(current / file)).is_relative_to(current)
    return current if inside else file.parent


def _major(match: re.Match[str] | None) -> int:
    return int(match[1]) if match else 0


@cache
def shipped_hookspecs() -> Path:
    """Return the folder of the shipped kinds."""
    package = Path(__file__).resolve().parents[2]
    packed = package / "_data" / "hookspecs"
    return packed if packed.is_dir() else package.parent / "hookspecs"


def hookspec_format_path() -> Path:
    """Return the JSON Schema of the hookspec format itself."""
    return shipped_hookspecs() / "hookspec.schema.json"
