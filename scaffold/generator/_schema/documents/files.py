"""The schema files of one kind: its folder, and nothing outside it."""

import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urldefrag

from scaffold.generator._schema.dialects.drafts import draft_of
from scaffold.generator._schema.dialects.vocabulary import DIALECT
from scaffold.generator._source.diagnostics import SpecError
from scaffold.generator._source.json_text import read_json
from scaffold.generator._source.json_values import is_object
from scaffold.generator._source.source_text import NO_OVERRIDES, SourceFile, TextOverrides
from scaffold.generator._source.yaml_text import read_yaml

_SUFFIXES = (".json", ".yaml", ".yml")


@dataclass(frozen=True)
class SchemaFiles:
    """Finds and reads the JSON and YAML files in a folder; paths are relative to it."""

    folder: Path | None
    """`None` has no files at all."""
    remotes: Mapping[str, str] = field(default_factory=dict[str, str])
    """The folders, inside this one, that stand for URIs that begin with a prefix."""
    texts: TextOverrides = field(default_factory=lambda: NO_OVERRIDES)
    _folders: dict[Path, Path] = field(default_factory=dict[Path, Path])
    """What folders really are."""

    @property
    def display_prefix(self) -> str:
        """The folder as it is printed before a file's name: empty, or ending with `/`."""
        return "" if self.folder in (None, Path()) else f"{self.folder.as_posix()}/"

    def path_inside(self, reference: str) -> PurePosixPath | None:
        """Return a path within the folder, or `None` if the reference leaves it."""
        path = PurePosixPath(posixpath.normpath(reference))
        if not reference or any(character in reference for character in "\\\0:"):
            return None
        if path.is_absolute() or path.parts[:1] == ("..",):
            return None
        if self.folder is None:
            return path
        file = self.folder / path
        real = Path(os.path.realpath(file)) if file.is_symlink() else self._real(file.parent)
        return path if real.is_relative_to(self._real(self.folder)) else None

    def _real(self, folder: Path) -> Path:
        # Many files are of one folder, and to follow links takes longer than to read a file.
        if folder not in self._folders:
            self._folders[folder] = Path(os.path.realpath(folder))
        return self._folders[folder]

    def has(self, path: PurePosixPath) -> bool:
        """Tell whether there is such a file."""
        return self.folder is not None and (self.folder / path).is_file()

    def read(self, path: PurePosixPath) -> SourceFile:
        """Read a file; raise `SpecError` if it is not JSON, or YAML by its name."""
        assert self.folder is not None
        read = read_yaml if path.suffix in (".yaml", ".yml") else read_json
        return read(self.folder / path, f"{self.display_prefix}{path}", self.texts)

    def local_copy(self, uri: str) -> PurePosixPath | None:
        """Return the copy of what a URI means, if there is one in the folder of a remote."""
        for prefix, folder in self.remotes.items():
            path = self.path_inside(f"{folder}/{unquote(uri.removeprefix(prefix))}")
            if uri.startswith(prefix) and path is not None and self.has(path):
                return path
        return None

    def uri(self, path: PurePosixPath) -> str | None:
        """Return the URI of a file in the folder of a remote; `None` for all others."""
        for prefix, folder in self.remotes.items():
            root = PurePosixPath(posixpath.normpath(folder))
            if path.is_relative_to(root):
                return prefix + quote(str(path.relative_to(root)))
        return None

    @cached_property
    def by_identifier(self) -> dict[str, PurePosixPath]:
        """The files whose schema has an `$id`, by that."""
        found: dict[str, PurePosixPath] = {}
        files = self.folder.rglob("*") if self.folder else ()
        for file in sorted(file for file in files if file.suffix in _SUFFIXES):
            path = self.path_inside(file.relative_to(self.folder or "").as_posix())
            try:
                value = self.read(path).value if path is not None else None
            except SpecError:
                continue
            draft = draft_of(value.get("$schema", DIALECT)) if is_object(value) else None
            identifier: object = (
                value.get(draft.identifier if draft else "$id") if is_object(value) else None
            )
            if isinstance(identifier, str) and path is not None:
                found.setdefault(urldefrag(identifier)[0], path)
        return found
