"""Edits made in the text of a file: comments, order and layout of all the rest stay as they are.

First it is found where everything in the YAML or JSON text stands, to the character.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from scaffold.generator._source.diagnostics import Edit, Fix, Insert, Remove, Rename, Replace
from scaffold.generator._source.source_text import Pointer
from scaffold.generator.ir import Json

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


@dataclass(slots=True)
class TextSpan:
    """One value of a document, with the key that names it. Ends are exclusive."""

    start: int
    end: int = 0
    """Of a block of YAML, the end of the last thing in it."""
    key: tuple[int, int] | None = None
    flow: bool = True
    """Whether it is written in braces or brackets, if it is an object or a list."""
    inner: list[Pointer] = field(default_factory=list[Pointer])
    """What stands in it, in the order of the text."""

    @property
    def full_start(self) -> int:
        """Where it begins, its key included."""
        return self.key[0] if self.key else self.start


def find_spans(text: str, *, is_json: bool) -> Mapping[Pointer, TextSpan]:
    """Find every part of a text that is known to be YAML or JSON, by its pointer."""
    parts: dict[Pointer, TextSpan] = {}
    if is_json:
        _Json(_TOKEN.finditer(text), parts).value((), None)
    else:
        from yaml import SafeLoader

        loader: Any = SafeLoader(text)
        _Yaml(text, _events(loader), parts).document()
    return parts


def _events(loader: Any) -> Iterator[Any]:
    while loader.check_event():
        yield loader.get_event()


@dataclass
class _Json:
    tokens: Iterator[re.Match[str]]
    parts: dict[Pointer, TextSpan]

    def value(self, at: Pointer, key: tuple[int, int] | None, token: Any = None) -> None:
        token = token or next(self.tokens)
        part = self.parts[at] = TextSpan(token.start(), token.end(), key)
        opening = token.group()
        if opening not in "{[":
            return
        token = next(self.tokens)
        while token.group() not in "}]":
            if token.group() == ",":
                token = next(self.tokens)
            inner: Pointer = (*at, json.loads(token.group()) if opening == "{" else len(part.inner))
            part.inner.append(inner)
            if opening == "{":
                next(self.tokens)  # the colon
                self.value(inner, token.span())
            else:
                self.value(inner, None, token)
            token = next(self.tokens)
        part.end = token.end()


@dataclass
class _Yaml:
    text: str
    events: Iterator[Any]
    parts: dict[Pointer, TextSpan]

    def document(self) -> None:
        next(self.events)  # the start of the stream
        next(self.events)  # the start of the document
        self.value(next(self.events), (), None)

    def value(self, event: Any, at: Pointer, key: tuple[int, int] | None) -> TextSpan:
        part = self.parts[at] = TextSpan(event.start_mark.index, event.end_mark.index, key)
        name = type(event).__name__
        if getattr(event, "style", None) in ("|", ">"):
            # PyYAML sees the end of such a text where the next thing begins.
            part.end = len(self.text[: part.end].rstrip())
        if name not in ("MappingStartEvent", "SequenceStartEvent"):
            return part
        part.flow = bool(event.flow_style)
        while not type(event := next(self.events)).__name__.endswith("EndEvent"):
            if name == "MappingStartEvent":
                inner: Pointer = (*at, event.value)
                span = event.start_mark.index, event.end_mark.index
                last = self.value(next(self.events), inner, span)
            else:
                inner = (*at, len(part.inner))
                last = self.value(event, inner, None)
            part.inner.append(inner)
            part.end = max(last.end, last.key[1] if last.key else 0)
        if part.flow:
            part.end = event.end_mark.index
        return part


_Patch: TypeAlias = tuple[int, int, str]
"""From, to, and what takes its place."""

_PLAIN_KEY = re.compile(r"[$A-Za-z_][\w$-]*")
_PLAIN_TEXT = re.compile(r"[A-Za-z][\w./$-]*(://[\w./$-]*)?")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@dataclass
class EditedText:
    """One text, and the patches to it that were taken so far."""

    text: str
    parts: Mapping[Pointer, TextSpan]
    is_json: bool
    patches: list[_Patch] = field(default_factory=list[_Patch])

    @classmethod
    def of(cls, text: str) -> "EditedText":
        """Read a text that is known to be sound."""
        is_json = _is_json(text)
        return cls(text, find_spans(text, is_json=is_json), is_json)

    def result(self) -> str:
        """Return the text with all patches made."""
        text = self.text
        for start, end, new in sorted(self.patches, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def patch(self, edit: Edit) -> _Patch | None:
        """Say what an edit changes; `None` if the layout leaves no sure way to make it."""
        part = self.parts.get(edit.at)
        if part is None:
            return None
        match edit:
            case Rename(name=name):
                return (*part.key, self._key(part.key, name)) if part.key else None
            case Replace(value=value):
                return part.start, part.end, self._value(part, value)
            case Insert(at=at, name=name, value=value):
                return self._insert(self.parts[at[:-1]], at, name, value)
            case Remove(at=at):
                holder = self.parts[at[:-1]]
                return self._cut(holder, at) if holder.flow else self._cut_lines(holder, at)

    def fits(self, new: _Patch) -> bool:
        """Tell whether a patch leaves alone what others change, or is one of them."""
        return all(new == old or new[1] < old[0] or old[1] < new[0] for old in self.patches)

    def _key(self, span: tuple[int, int], name: str) -> str:
        quoted = self.text[span[0]] in "\"'"
        return json.dumps(name) if self.is_json or quoted else _plain(name, _PLAIN_KEY)

    def _value(self, part: TextSpan, value: Json) -> str:
        mark = self.text[part.start : part.start + 1]
        if isinstance(value, str) and not self.is_json and mark != '"':
            single = mark == "'" and value.isprintable() and mark not in value
            return f"'{value}'" if single else _plain(value, _PLAIN_TEXT)
        return json.dumps(value, ensure_ascii=False)

    def _insert(self, holder: TextSpan, at: Pointer, name: str, value: Json) -> _Patch:
        start = self.parts[at].full_start
        entry = (
            f"{self._key((start, start + 1), name)}: {self._value(TextSpan(start, start), value)}"
        )
        lead = self.text[self._line(start) : start]
        if not holder.flow:
            return start, start, f"{entry}\n{' ' * len(lead)}"
        return start, start, f"{entry}, " if lead.strip() else f"{entry},\n{lead}"

    def _cut(self, holder: TextSpan, at: Pointer) -> _Patch:
        place, last = holder.inner.index(at), len(holder.inner) - 1
        part = self.parts[at]
        if place < last:
            return part.full_start, self.parts[holder.inner[place + 1]].full_start, ""
        start = self.parts[holder.inner[place - 1]].end if place else part.full_start
        return start, part.end, ""

    def _cut_lines(self, holder: TextSpan, at: Pointer) -> _Patch | None:
        part, place = self.parts[at], holder.inner.index(at)
        begin = self._line(part.full_start)
        if self.text[begin : part.full_start].strip() in ("", "-" if part.key is None else ""):
            end = self.text.find("\n", part.end)
            whole = len(holder.inner) > 1
            return (begin, end + 1 if end >= 0 else len(self.text), "") if whole else None
        if part.key and place + 1 < len(holder.inner):
            return part.full_start, self.parts[holder.inner[place + 1]].full_start, ""
        return None

    def _line(self, offset: int) -> int:
        return self.text.rfind("\n", 0, offset) + 1


def apply_fix(drafts: Mapping[str, EditedText], fix: Fix) -> bool:
    """Add the patches of a fix to the texts of its files; return whether all of them fit."""
    patches: list[tuple[EditedText, _Patch]] = []
    for edit in fix.edits:
        draft = drafts[edit.file]
        patch = draft.patch(edit)
        if patch is None or not draft.fits(patch):
            return False
        patches.append((draft, patch))
    for draft, patch in patches:
        if patch not in draft.patches:
            draft.patches.append(patch)
    return True


def edited_files(fixes: Iterable[Fix]) -> set[str]:
    """Return the files that some fixes change."""
    return {edit.file for fix in fixes for edit in fix.edits}


def _plain(text: str, pattern: re.Pattern[str]) -> str:
    sound = pattern.fullmatch(text) and text.lower() not in _WORDS
    return text if sound else json.dumps(text, ensure_ascii=False)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
