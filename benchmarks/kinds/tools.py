"""The shipped kinds as tools of the peers: typed functions with the same fields and answers."""

from collections.abc import Callable
from typing import Any, Final, Literal

from pydantic import BaseModel

__all__ = ["TOOLS"]


class Note(BaseModel):
    """Something that a processor noticed."""

    processor: str
    severity: Literal["info", "warning", "error"] = "info"
    message: str


class Text(BaseModel):
    """A text on its way through a chain."""

    text: str
    language: str | None = None
    format: Literal["plain", "markdown", "html"] = "plain"
    notes: list[Note] = []


def process(
    text: str,
    language: str | None = None,
    format: Literal["plain", "markdown", "html"] = "plain",
) -> Text:
    """Work on one text."""
    return Text(text=text, language=language, format=format)


class Document(BaseModel):
    """A text, and what is known of it."""

    path: str
    text: str
    media_type: str | None = None
    language: str | None = None
    metadata: dict[str, Any] = {}


class Options(BaseModel):
    """How to cut."""

    max_characters: int = 2000
    overlap_characters: int = 0


class Span(BaseModel):
    """Where a chunk lies."""

    unit: Literal["line", "page"]
    first: int
    last: int


class Chunk(BaseModel):
    """A piece of a document."""

    text: str
    span: Span
    heading: list[str] = []
    kind: Literal["prose", "code", "table", "list"] = "prose"


class Chunks(BaseModel):
    """All pieces of a document."""

    chunks: list[Chunk]


def chunk(document: Document, options: Options | None = None) -> Chunks:
    """Cut one document into chunks."""
    del document, options
    return Chunks(chunks=[Chunk(text="example", span=Span(unit="line", first=1, last=1))])


class Item(BaseModel):
    """Something that a source holds."""

    uri: str
    type: Literal["file", "page", "ticket"]
    title: str


class Items(BaseModel):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = None


def list_items(query: str = "", limit: int = 100, cursor: str | None = None) -> Items:
    """List what the source holds."""
    del query, limit, cursor
    return Items(items=[Item(uri="https://example.org/", type="file", title="example")])


class Actor(BaseModel):
    """Who did it."""

    type: Literal["user"]
    id: str


def on_event(
    id: str,
    time: str,
    actor: Actor,
    action: str,
    outcome: Literal["success", "denied", "failure"],
) -> None:
    """Record one event."""
    del id, time, actor, action, outcome


def greet(name: str = "world") -> str:
    """Greet somebody."""
    return f"Hello, {name}!"


TOOLS: Final[tuple[Callable[..., Any], ...]] = (process, chunk, list_items, on_event, greet)
