"""Finding kinds in folders of hookspecs: `<folder>/<kind>/v<N>.yaml`, or a single YAML file."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from scaffold.generator.diagnostics import Diagnostic, SpecError
from scaffold.generator.names import did_you_mean

__all__ = ["find_kind", "list_kinds"]

_VERSION = re.compile(r"v(0|[1-9][0-9]*)\.ya?ml")
_WANTED = re.compile(r"(?P<kind>.+?)(?:@v?|_v)(?P<major>[0-9]+)")


def list_kinds(folders: Sequence[Path]) -> dict[str, dict[int, Path]]:
    """Return the hookspec file of every kind and major version; earlier folders win.

    A folder holds `<kind>/v<N>.yaml` or `kinds/<kind>/v<N>.yaml`. It may also be one kind's own
    folder, or a YAML file.
    """
    found: dict[str, dict[int, Path]] = {}
    for folder in folders:
        for kind, major, path in _in_folder(folder):
            found.setdefault(kind, {}).setdefault(major, path)
    return found


def find_kind(name: str, folders: Sequence[Path]) -> Path:
    """Return the hookspec file of a kind: the newest major version, or that of `tool@1`.

    Raises `SpecError` with `unknown-kind` if no folder has it.
    """
    kinds = list_kinds(folders)
    if name in kinds:
        return kinds[name][max(kinds[name])]
    wanted = _WANTED.fullmatch(name)
    if wanted and int(wanted["major"]) in kinds.get(wanted["kind"], {}):
        return kinds[wanted["kind"]][int(wanted["major"])]
    if wanted and wanted["kind"] in kinds:
        majors = ", ".join(f"'{wanted['kind']}@{major}'" for major in sorted(kinds[wanted["kind"]]))
        advice = f"there is: {majors}"
    else:
        advice = did_you_mean(wanted["kind"] if wanted else name, kinds)
    where = str(folders[0]) if folders else "."
    raise SpecError([Diagnostic(where, 1, 1, "unknown-kind", f"there is no kind '{name}'", advice)])


def _in_folder(folder: Path) -> Iterator[tuple[str, int, Path]]:
    if folder.is_file():
        match = _VERSION.fullmatch(folder.name)
        yield (folder.resolve().parent.name if match else folder.stem), _major(match), folder
        return
    for pattern in ("*/v*.y*ml", "kinds/*/v*.y*ml", "v*.y*ml"):
        for path in sorted(folder.glob(pattern)):
            match = _VERSION.fullmatch(path.name)
            if match:
                yield path.resolve().parent.name, _major(match), path


def _major(match: re.Match[str] | None) -> int:
    return int(match[1]) if match else 0
