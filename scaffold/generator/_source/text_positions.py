"""Where everything in a YAML or JSON text stands, to the character."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scaffold.generator._source.source_text import Pointer

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
