"""Manifest files: finding them, parsing them, and pointing into them."""

import json
import re
import tomllib
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from pathlib import Path

from scaffold._filesystem.reading import read_small_file
from scaffold.contract._errors.errors import ManifestInvalid
from scaffold.contract._json import Json, JsonObject, is_object
from scaffold.manifest._lookup import ANYWHERE, SOURCES, Section, descend
from scaffold.manifest._source_positions import KeyPath, Position, key_positions

_PLUGIN: Section = ("plugin",)

_TOML_MESSAGE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)

_SHARED = ("pyproject.toml", "package.json")
"""Files of other tools: they are a manifest only if they contain a section of ours."""


UNPARSED = ("invalid-encoding", "invalid-json", "invalid-toml", "too-deep")
"""Codes of findings that leave unknown what a file holds."""


@dataclass(frozen=True, slots=True, order=True)
class ManifestProblem:
    """One thing wrong with a manifest, printed as `file:line:col: code: message`."""

    file: str
    place: Position
    code: str
    message: str
    help: str = ""

    def __str__(self) -> str:
        line, column = self.place.line, self.place.column
        text = f"{self.file}:{line}:{column}: {self.code}: {self.message}"
        return f"{text}\n  help: {self.help}" if self.help else text


@dataclass(slots=True)
class ManifestFile:
    """A parsed manifest: its content, where everything stands in it, and what is wrong with it."""

    file: Path
    section: Section = ()
    content: JsonObject = field(default_factory=dict[str, Json])
    where: dict[KeyPath, tuple[Position, Position]] = field(
        default_factory=dict[KeyPath, tuple[Position, Position]]
    )
    findings: list[ManifestProblem] = field(default_factory=list[ManifestProblem])
    repeated: list[tuple[KeyPath, Position]] = field(default_factory=list[tuple[KeyPath, Position]])
    """Keys of JSON that are there a second time, and where."""

    def report(self, place: Position, code: str, message: str, help_: str = "") -> None:
        """Note a finding."""
        self.findings.append(ManifestProblem(str(self.file), place, code, message, help_))

    def key(self, path: KeyPath) -> Position:
        """Return the place of a key of the manifest; of the nearest thing around it if absent."""
        return self._locate(path, 0)

    def value(self, path: KeyPath) -> Position:
        """Return the place of a value of the manifest; of the nearest thing around it if absent."""
        return self._locate(path, 1)

    def _locate(self, path: KeyPath, which: int) -> Position:
        whole = self.section + path
        while whole:
            if found := self.where.get(whole):
                return found[which]
            whole = whole[:-1]
        return Position()

    def raise_findings(self) -> None:
        """Raise `ManifestInvalid` with everything found, in the order of the text."""
        if self.findings:
            lines = "\n".join(map(str, sorted(set(self.findings))))
            raise ManifestInvalid(str(self.file), lines)


def find_manifest(path: Path) -> ManifestFile:
    """Find and parse the manifest in a folder, or the one in the file given.

    Raises `ManifestInvalid` if there is none, or if its text cannot be parsed.
    """
    if not path.is_dir():
        document = ManifestFile(path)
        if not path.is_file():
            document.report(Position(), "no-manifest", "the file or folder does not exist")
        elif _parse(document, SOURCES.get(path.name, ANYWHERE)):
            return document
        document.raise_findings()
    for name, sections in SOURCES.items():
        document = ManifestFile(path / name)
        if document.file.is_file():
            if _parse(document, sections):
                return document
            if name not in _SHARED or _is_ours(document):
                document.raise_findings()
    document = ManifestFile(path)
    names = ", ".join(SOURCES)
    document.report(Position(), "no-manifest", "this folder has no manifest", f"one of: {names}")
    document.raise_findings()
    return document


def _is_ours(document: ManifestFile) -> bool:
    """Tell whether a file that may belong to anybody is a manifest that cannot be used.

    One that cannot be read or parsed may hold a section of ours if the text names it.
    """
    if document.findings[0].code in {"no-section", "unreadable"}:
        return False
    return b"dagstack" in document.file.read_bytes()


def _parse(document: ManifestFile, sections: tuple[Section, ...]) -> bool:
    """Fill the document in; report why not, and return False, if there is nothing to fill in."""
    text = _read(document)
    content = None if text is None else _content(document, text)
    if not is_object(content):
        if not document.findings:
            document.report(Position(), "wrong-type", "a manifest is an object")
        return False
    for section in sections:
        found = descend(content, section)
        if found is not None:
            document.section, document.content = section, found
            break
    else:
        wanted = ".".join(map(str, sections[0]))
        document.report(Position(), "no-section", f"the section '{wanted}' is missing")
        return False
    for path, place in document.repeated:
        if path[: len(document.section)] == document.section:
            message = f"the key '{path[-1]}' is there a second time"
            document.report(place, "said-twice", message, "keep one of them")
    for key in content.keys() - {"plugin"} if section == _PLUGIN else ():
        place, _ = document.where[(key,)]
        message = f"'{key}' stands next to 'plugin' and is not read"
        document.report(place, "unknown-key", message, f"move it: 'plugin.{key}'")
    return True


def _read(document: ManifestFile) -> str | None:
    try:
        data = read_small_file(document.file)
    except OSError as error:
        document.report(Position(), "unreadable", f"it cannot be read: {error.strerror}")
        return None
    try:
        # Editors and shells of Windows write a byte order mark.
        return data.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        before = data.removeprefix(BOM_UTF8)[: error.start].decode()
        place = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        document.report(place, "invalid-encoding", "it is not UTF-8")
        return None


def _content(document: ManifestFile, text: str) -> Json:
    try:
        content: Json = (json if document.file.suffix == ".json" else tomllib).loads(text)
        if is_object(content):
            document.where = key_positions(text, document.repeated)
    except json.JSONDecodeError as error:
        place = Position(error.lineno, error.colno)
        document.report(place, "invalid-json", _lower(error.msg))
    except tomllib.TOMLDecodeError as error:
        message, place = _toml_place(str(error), text)
        document.report(place, "invalid-toml", _lower(message))
    except RecursionError:
        document.report(Position(), "too-deep", "values are nested too deeply")
    else:
        return content
    return None


def _toml_place(message: str, text: str) -> tuple[str, Position]:
    """Take the place out of the parser's message, the only form in which it gives one."""
    match = re.fullmatch(
        r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message, re.DOTALL
    )
    if match is None:
        return message, Position()
    if match[2]:
        return match[1], Position(int(match[2]), int(match[3]))
    return match[1], Position(text.count("\n") + 1, len(text) - text.rfind("\n"))


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
