"""Where a template comes from: it ships with this distribution, or lies in a git repository.

What ships is known by its name and by nothing else. A project names the template that it was made
from, and a project may be a stranger's. So what it names is fetched only if the person has named it
before: on the command line, with `--template`, or in the file of allowed sources. That file has one
source a line, `#` for remarks; a line that ends in `/` means all that begins with it.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote

from packaging.version import InvalidVersion, Version

from scaffold._filesystem.project_tree import reason_to_refuse
from scaffold._filesystem.reading import read_small_file
from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.trees import Mode, resolve_links
from scaffold._project.git.git import clone, run_isolated
from scaffold._project.git.revisions import list_tree, read_files, resolve_object
from scaffold._project.template.answers import SHIPPED
from scaffold._project.template.template import bundled_templates, bundled_versions

_SHORT: Final = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}
"""copier's short forms of addresses."""


class TemplateSource(Protocol):
    """A template with its versions."""

    @property
    def name(self) -> str:
        """What a project remembers."""
        ...

    def newest(self) -> str:
        """Return the newest version."""
        ...

    def exact(self, version: str) -> str:
        """Return what to remember of a version that a person names."""
        ...

    def export(self, version: str, folder: Path) -> Path:
        """Return a folder with a version; it may be written into `folder`, which is new."""
        ...


@dataclass(frozen=True, slots=True)
class BundledTemplate:
    """A template that ships."""

    name: str
    folders: Mapping[str, Path]

    def newest(self) -> str:
        """Return the newest version."""
        return list(self.folders)[-1]

    def exact(self, version: str) -> str:
        """Return the same version, if there is one of this name."""
        if version in self.folders:
            return version
        message = f"there is no version '{version}' of the template '{self.name}'"
        listed = ", ".join(f"'{each}'" for each in self.folders)
        advice = f"there is: {listed}; a newer scaffold may have more"
        raise PreconditionError("unknown-version", message, advice)

    def export(self, version: str, folder: Path) -> Path:
        """Return the folder of a version."""
        return self.folders[self.exact(version)]


@dataclass(frozen=True, slots=True)
class FetchedTemplate:
    """A template in a bare repository, which was copied from where the person's git found it."""

    name: str
    repository: Path

    def newest(self) -> str:
        """Return the newest version among the tags; those of prereleases do not count."""
        found = self._git("for-each-ref", "--format=%(refname:strip=2)", "refs/tags")
        tags = [
            (version, tag)
            for tag in os.fsdecode(found or b"").splitlines()
            if (version := _version(tag)) is not None and not version.is_prerelease
        ]
        if not tags:
            message = f"the repository '{self.name}' has no version of a template"
            raise PreconditionError("template", message, "tag its versions: v1, v2 and so on")
        return max(tags)[1]

    def exact(self, version: str) -> str:
        """Return the same version for a tag; else how git describes the commit."""
        found = self._tree(version)
        if resolve_object(self._git, f"refs/tags/{version}") is not None:
            return version
        described = self._git("describe", "--tags", "--always", "--", found[1])
        return os.fsdecode(described or b"").strip() or found[1]

    def export(self, version: str, folder: Path) -> Path:
        """Write the files of a version, which is a tag, a branch or a commit."""
        found = self._tree(version)
        name = f"{self.name} {version}"
        listing = list_tree(self._git, found[0], name)
        folder.mkdir()
        for path, entry in listing.items():
            if reason := reason_to_refuse(path):
                raise _bad(name, f"it has '{path}', which {reason}")
            if entry.mode is Mode.SUBMODULE:
                raise _bad(name, f"'{path}' is a submodule, which is not fetched")
        files = read_files(self._git, listing)
        links = {
            path: os.fsdecode(each.content)
            for path, each in files.items()
            if each.mode is Mode.LINK
        }
        for path, file in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if path in links:
                continue
            with target.open("xb") as opened:
                opened.write(file.content)
            if file.mode is Mode.EXECUTABLE:
                target.chmod(0o755)
        for path, leads in links.items():
            if resolve_links(links, path) is None:
                raise _bad(name, f"the link '{path}' leads out of it, to '{leads}'")
            (folder / path).symlink_to(leads)
        return folder

    def _tree(self, version: str) -> tuple[str, str]:
        """Return the names of a version's tree and of its commit."""
        for prefix in ("refs/tags/", "refs/heads/", ""):
            commit = resolve_object(self._git, f"{prefix}{version}^{{commit}}")
            tree = resolve_object(self._git, f"{prefix}{version}^{{tree}}")
            if commit is not None and tree is not None:
                return tree[0], commit[0]
        message = f"the template '{self.name}' has no version '{version}'"
        advice = "name one with --to, or another repository with --template"
        raise PreconditionError("template", message, advice)

    def _git(self, *arguments: str, given: bytes = b"") -> bytes | None:
        return run_isolated(
            self.repository, f"--git-dir={self.repository}", *arguments, given=given
        )


def find_bundled(name: str) -> BundledTemplate | None:
    """Return a template that ships, if `name` is `scaffold:` and exactly the name of one.

    Raises:
        PreconditionError: `unknown-template` for another name after `scaffold:`.
    """
    if not name.startswith(SHIPPED):
        return None
    found = name.removeprefix(SHIPPED)
    versions = bundled_versions(found)
    if not versions:
        listed = ", ".join(f"'{SHIPPED}{each}'" for each in sorted(bundled_templates()))
        message = f"no template '{name}' ships with this version of scaffold"
        raise PreconditionError("unknown-template", message, f"there is: {listed}")
    return BundledTemplate(name, versions)


def fetch_template(name: str, folder: Path) -> FetchedTemplate:
    """Copy the repository of a template into a new folder; raise `PreconditionError`."""
    address = name.removeprefix("git+")
    for short, long in _SHORT.items():
        if address.startswith(short):
            address = f"{long}{address.removeprefix(short).strip('/').removesuffix('.git')}.git"
    clone(address, folder)
    return FetchedTemplate(name, folder)


def absolute_source(source: str) -> str:
    """Return what to remember of a source that a person names: the same from any folder."""
    path = Path(source).expanduser()
    try:
        there = path.exists()
    except OSError:
        there = False
    name = str(path.resolve()) if there and not source.startswith(SHIPPED) else source
    if not name.isprintable():
        message = f"the source '{source}' has characters that cannot be remembered"
        raise PreconditionError("template", message, "give the folder another name")
    return name


def is_newer(version: str, than: str) -> bool:
    """Tell whether a version comes after another; False if they cannot be ordered."""
    one, other = _version(version), _version(than)
    return one is not None and other is not None and one > other


def _version(tag: str) -> Version | None:
    try:
        return Version(tag)
    except InvalidVersion:
        return None


def _bad(name: str, reason: str) -> PreconditionError:
    return PreconditionError("template", f"'{name}' cannot be used: {reason}")


_LARGEST: Final = 2**20


def permissions_file() -> Path:
    """Return the file: `hookspec-scaffold/templates` in the person's folder of settings."""
    given = os.environ.get("XDG_CONFIG_HOME") or os.environ.get("APPDATA") or ""
    folder = Path(given) if Path(given).is_absolute() else Path.home() / ".config"
    return folder / "hookspec-scaffold" / "templates"


def is_allowed(source: str) -> bool:
    """Tell whether a source may be fetched without being named."""
    return any(_covers(line, source) for line in _lines())


def allow(source: str) -> None:
    """Remember that the person has named a source; that it cannot be kept harms nothing."""
    if is_allowed(source):
        return
    path = permissions_file()
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = path.read_text("utf-8") if path.exists() else ""
        end = "" if before.endswith("\n") or not before else "\n"
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{end}{source}\n")


def _covers(line: str, source: str) -> bool:
    if line.endswith("/"):
        # Servers decode addresses before they look for '..', and some take '\\' for '/'.
        rest = unquote(unquote(source.removeprefix(line)))
        return source.startswith(line) and ".." not in re.split(r"[/\\]", rest)
    return source == line


def _lines() -> list[str]:
    with suppress(OSError, ValueError):
        lines = read_small_file(permissions_file(), limit=_LARGEST).decode().splitlines()
        return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return []
