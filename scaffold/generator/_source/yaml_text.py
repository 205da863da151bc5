"""The subset of YAML that has the same values as JSON.

Tags, aliases, dates and YAML's own spellings of numbers are refused or read as text, because YAML
readers do not agree on them. `yes` and `12:30` are text, as in YAML 1.2.

libyaml reads, twenty times as fast as Python could. What it cannot read, and everything where it
is not installed, goes to PyYAML's own parser, which reports the error.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, TypeAlias

from scaffold.generator._source.diagnostics import Diagnostic, SpecError
from scaffold.generator._source.read_json import json_source
from scaffold.generator._source.source_text import (
    HALF_CHARACTER,
    HUGE_NUMBER,
    LONG_NUMBER,
    MAX_DEPTH,
    MAX_DIGITS,
    NO_OVERRIDES,
    Pointer,
    Position,
    Positions,
    SourceFile,
    TextOverrides,
    join_surrogates,
    read_text,
)
from scaffold.generator.ir import Json

_Event: TypeAlias = Any
"""An event of PyYAML: what stands next in the file, and where."""

_PREFIX = "tag:yaml.org,2002:"
_TOO_DEEP = ("the file is nested too deeply", f"use at most {MAX_DEPTH} levels")
_LITERALS = {"true": True, "false": False, "null": None, "~": None, "": None}
_PLAIN = {
    spelling: value
    for word, value in _LITERALS.items()
    for spelling in (word, word.capitalize(), word.upper())
}
_NUMBER = re.compile(
    r"""
    [-+]? (?: [0-9_]+ | 0b[01_]+ | 0o[0-7_]+ | 0x[0-9a-fA-F_]+
            | [0-9][0-9_]* (?: \.[0-9_]* )? (?: [eE][-+]?[0-9]+ )?
            | \.[0-9_]+ (?: [eE][-+][0-9]+ )?
            | \.(?: inf | Inf | INF ) )
    | \.(?: nan | NaN | NAN )
    """,
    re.VERBOSE,
)
"""What readers of YAML take for a number, with `_` in it or without."""


def read_yaml(path: Path, file: str, texts: TextOverrides = NO_OVERRIDES) -> SourceFile:
    """Read a YAML file; raise `SpecError` if it is not YAML, or has values that are not JSON."""
    text = read_text(path, file, texts)
    if text.lstrip()[:1] == "{":
        try:
            return json_source(text, file)
        except SpecError:
            pass  # it may be YAML all the same
    reader, value = _read(text, file)
    if reader.problems:
        raise SpecError(reader.problems)
    return SourceFile(file, value, reader.positions)


def _read(text: str, file: str) -> tuple["_Reader", Json]:
    from yaml import SafeLoader, YAMLError

    try:
        from yaml import CSafeLoader
    except ImportError:
        pass
    else:
        try:
            reader = _Reader(file, _events(CSafeLoader(text)))
            return reader, reader.document()
        except (YAMLError, ValueError):
            pass
    try:
        reader = _Reader(file, _events(SafeLoader(text)))
        return reader, reader.document()
    except (YAMLError, ValueError) as error:
        raise SpecError([_malformed(error, text, file)]) from None


def _events(parser: Any) -> Iterator[_Event]:
    while parser.check_event():
        yield parser.get_event()


def _malformed(error: Exception, text: str, file: str) -> Diagnostic:
    from yaml.error import MarkedYAMLError

    if isinstance(error, MarkedYAMLError):
        place = _place(error.problem_mark or error.context_mark)
        message = _one_line(error.problem or "this is not YAML")
        if message.startswith("but "):
            message = f"{_one_line(error.context)}, {message}"
    else:
        # The reader of characters reports an offset, and no mark.
        offset = getattr(error, "position", 0)
        before = text[: offset if isinstance(offset, int) else 0]
        place = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        message = _one_line(getattr(error, "reason", str(error)))
    return Diagnostic(file, *place, "malformed-yaml", message)


def _one_line(text: object) -> str:
    return " ".join(str(text).split()).rstrip(".").replace("'<stream end>'", "the end of the file")


@dataclass
class _Reader:
    """Turns the events of one file into a JSON value, and notes where each part stands."""

    file: str
    events: Iterator[_Event]
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    _values: dict[Pointer, Any] = field(default_factory=dict[Pointer, Any])
    _keys: dict[Pointer, Any] = field(default_factory=dict[Pointer, Any])
    """Marks of PyYAML's; few of them are ever looked at."""
    _anchors: dict[str, Any] = field(default_factory=dict[str, Any])

    def positions(self) -> Positions:
        """Tell where everything stands."""
        values = {at: _place(mark) for at, mark in self._values.items()}
        return Positions(values, {at: _place(mark) for at, mark in self._keys.items()})

    def document(self) -> Json:
        """Read the one document of the file; stop at what is nested too deeply."""
        from yaml import DocumentStartEvent

        next(self.events)  # the start of the stream
        if not isinstance(next(self.events), DocumentStartEvent):
            raise SpecError([Diagnostic(self.file, 1, 1, "empty-file", "the file is empty")])
        value = self._value(next(self.events), ())
        next(self.events)  # the end of the document
        after = next(self.events)
        if isinstance(after, DocumentStartEvent):
            message = "expected a single document in the stream, but found another document"
            self._refuse(after.start_mark, "malformed-yaml", message)
        return value

    def _value(self, event: _Event, at: Pointer) -> Json:
        mark = self._values[at] = event.start_mark
        if len(at) > MAX_DEPTH:
            self._refuse(mark, "too-deep", *_TOO_DEEP)
            raise SpecError(self.problems)
        kind = type(event).__name__
        if kind == "AliasEvent":
            return self._alias(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = mark
        if kind == "ScalarEvent":
            return self._scalar(event)
        is_list = kind == "SequenceStartEvent"
        value = self._sequence(at) if is_list else self._mapping(at)
        if event.tag in (None, "!", f"{_PREFIX}{'seq' if is_list else 'map'}"):
            return value
        return self._refuse_tag(event)

    def _alias(self, event: _Event) -> None:
        if event.anchor not in self._anchors:
            message = f"found undefined alias '{event.anchor}'"
            return self._refuse(event.start_mark, "malformed-yaml", message)
        message = "an alias repeats another part of the file"
        hint = "write the value out, or use '$ref'"
        return self._refuse(self._anchors[event.anchor], "yaml-alias", message, hint)

    def _sequence(self, at: Pointer) -> list[Json]:
        result: list[Json] = []
        for event in self._until("SequenceEndEvent"):
            result.append(self._value(event, (*at, len(result))))
        return result

    def _mapping(self, at: Pointer) -> dict[str, Json]:
        result: dict[str, Json] = {}
        for event in self._until("MappingEndEvent"):
            name = self._key(event, at)
            if name in result:
                message = f"the key '{name}' is repeated"
                self._refuse(event.start_mark, "duplicate-key", message, "remove one of the two")
            self._keys[*at, name] = event.start_mark
            result[name] = self._value(next(self.events), (*at, name))
        return result

    def _key(self, event: _Event, at: Pointer) -> str:
        mark = event.start_mark
        if type(event).__name__ != "ScalarEvent":
            self._refuse(mark, "yaml-key", "a key is a list or an object", "use text as key")
            self._value(event, (*at, ""))
            return f"at {mark}"  # no other key's name
        name = join_surrogates(event.value)
        if name is None:
            self._refuse(mark, "half-character", *HALF_CHARACTER)
        return event.value if name is None else name

    def _scalar(self, event: _Event) -> Json:
        text, tag = join_surrogates(event.value), event.tag
        if text is None:
            return self._refuse(event.start_mark, "half-character", *HALF_CHARACTER)
        if tag is None or tag == "!":
            if not event.implicit[0]:  # quoted
                return text
            if text in _PLAIN:
                return _PLAIN[text]
            return self._number(event, text) if _NUMBER.fullmatch(text) else text
        match tag.removeprefix(_PREFIX):
            case "str" | "timestamp" | "merge" | "value":
                return text
            case "null" | "bool" if text.lower() in _LITERALS:
                return _LITERALS[text.lower()]
            case "int" | "float":
                return self._number(event, text)
            case _:
                return self._refuse_tag(event)

    def _number(self, event: _Event, text: str) -> Json:
        try:
            value = json.loads(text)
        except ValueError:
            if len(text) > MAX_DIGITS:
                return self._refuse(event.start_mark, "huge-number", *LONG_NUMBER)
            message = f"'{text}' is not a JSON number"
            hint = "write it as JSON does, or put it in quotes"
            return self._refuse(event.start_mark, "yaml-number", message, hint)
        if value in (inf, -inf):
            return self._refuse(event.start_mark, "huge-number", *HUGE_NUMBER)
        return value

    def _until(self, end: str) -> Iterator[_Event]:
        for event in self.events:
            if type(event).__name__ == end:
                return
            yield event

    def _refuse_tag(self, event: _Event) -> None:
        message = f"the tag '{event.tag}' is not supported"
        self._refuse(event.start_mark, "yaml-tag", message, "remove the tag")

    def _refuse(self, mark: Any, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Diagnostic(self.file, *_place(mark), code, message, hint))


def _place(mark: Any) -> Position:
    return mark.line + 1, mark.column + 1
