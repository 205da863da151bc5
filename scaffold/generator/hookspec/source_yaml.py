"""YAML as hookspecs use it: JSON's values in YAML's clothes.

Tags, aliases, dates and YAML's own spellings of numbers are refused or read as text: each would
mean something else to the next reader.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaffold.generator.diagnostics import Diagnostic, SpecError
from scaffold.generator.hookspec.source import (
    HALF_CHARACTER,
    MAX_DEPTH,
    Place,
    Places,
    Pointer,
    Source,
    read_text,
    whole_text,
)
from scaffold.generator.ir import Json

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

__all__ = ["read_yaml"]

_PREFIX = "tag:yaml.org,2002:"
_TEXT_TAGS = {"str", "timestamp", "merge", "value"}
_BRACKET = re.compile(r"[\[\]{}]")
_TOO_DEEP = ("the file is nested too deeply", f"at most {MAX_DEPTH} levels are read")
_LITERALS = {"true": True, "false": False, "null": None, "~": None, "": None}


def read_yaml(path: Path, file: str) -> Source:
    """Read a YAML file; raise `SpecError` if it is none, or says what JSON cannot say."""
    text = read_text(path, file)
    _check_brackets(text, file)
    root = _compose(text, file)
    if root is None:
        raise SpecError([Diagnostic(file, 1, 1, "empty-file", "the file is empty")])
    reader = _Reader(file)
    value = reader.read(root, ())
    if reader.problems:
        raise SpecError(reader.problems)
    places = Places(reader.values, reader.keys)
    return Source(file, value, lambda: places)


def _check_brackets(text: str, file: str) -> None:
    """Refuse brackets that nobody writes, before the parser spends seconds on them.

    Brackets in texts and remarks count too: no text leaves so many of them open.
    """
    depth = 0
    for match in _BRACKET.finditer(text):
        depth = depth + 1 if match[0] in "[{" else max(depth - 1, 0)
        if depth > MAX_DEPTH:
            line = text.count("\n", 0, match.start()) + 1
            column = match.start() - text.rfind("\n", 0, match.start())
            raise SpecError([Diagnostic(file, line, column, "too-deep", *_TOO_DEEP)])


def _compose(text: str, file: str) -> "Node | None":
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    loader: Any = YAML(typ="safe", pure=True)
    line, column = 1, 1
    message, advice = _TOO_DEEP
    try:
        node: Node | None = loader.compose(text)
    except RecursionError:
        code = "too-deep"
    except MarkedYAMLError as caught:
        error: Any = caught
        mark = error.problem_mark or error.context_mark
        line, column = mark.line + 1, mark.column + 1
        code, message = "malformed-yaml", _one_line(error.problem or "this is no YAML")
        if message.startswith("but "):
            message = f"{_one_line(error.context)}, {message}"
    except (YAMLError, ValueError) as error:
        # The reader of characters reports an offset, and no mark.
        offset = getattr(error, "position", 0)
        before = text[: offset if isinstance(offset, int) else 0]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        code, message = "malformed-yaml", _one_line(getattr(error, "reason", str(error)))
    else:
        return node
    advice = advice if code == "too-deep" else ""
    raise SpecError([Diagnostic(file, line, column, code, message, advice)])


def _one_line(text: object) -> str:
    return " ".join(str(text).split()).rstrip(".").replace("'<stream end>'", "the end of the file")


@dataclass
class _Reader:
    """Turns nodes into JSON values, and notes where each one stands."""

    file: str
    values: dict[Pointer, Place] = field(default_factory=dict[Pointer, Place])
    keys: dict[Pointer, Place] = field(default_factory=dict[Pointer, Place])
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    _seen: set[int] = field(default_factory=set[int])

    def read(self, node: Any, at: Pointer) -> Json:
        self.values[at] = _place(node)
        if id(node) in self._seen:
            message = "an alias repeats another part of the file"
            return self._refuse(node, "yaml-alias", message, "write the value out, or use '$ref'")
        self._seen.add(id(node))
        if len(at) > MAX_DEPTH:
            return self._refuse(node, "too-deep", *_TOO_DEEP)
        match node.id:
            case "mapping" if node.tag == f"{_PREFIX}map":
                return self._mapping(node, at)
            case "sequence" if node.tag == f"{_PREFIX}seq":
                return [self.read(item, (*at, index)) for index, item in enumerate(node.value)]
            case "scalar" if str(node.tag).startswith(_PREFIX):
                return self._scalar(node, str(node.tag).removeprefix(_PREFIX))
            case _:
                message = f"the tag '{node.tag}' means nothing here"
                return self._refuse(node, "yaml-tag", message, "remove the tag")

    def _mapping(self, node: Any, at: Pointer) -> Json:
        result: dict[str, Json] = {}
        for key, value in node.value:
            if key.id != "scalar":
                self._refuse(key, "yaml-key", "a key is a list or an object", "use text as key")
                continue
            name = whole_text(str(key.value))
            if name is None:
                self._refuse(key, "half-character", *HALF_CHARACTER)
                continue
            if name in result:
                message = f"the key '{name}' is there twice"
                self._refuse(key, "duplicate-key", message, "remove one of the two")
                continue
            self.keys[*at, name] = _place(key)
            result[name] = self.read(value, (*at, name))
        return result

    def _scalar(self, node: Any, tag: str) -> Json:
        text = whole_text(str(node.value))
        if text is None:
            return self._refuse(node, "half-character", *HALF_CHARACTER)
        if tag in _TEXT_TAGS:
            return text
        if tag in ("null", "bool") and text.lower() in _LITERALS:
            return _LITERALS[text.lower()]
        if tag in ("int", "float"):
            try:
                return json.loads(text)
            except ValueError:
                advice = "write it as JSON does, or put it in quotes"
                return self._refuse(node, "yaml-number", f"'{text}' is no JSON number", advice)
        return self._refuse(node, "yaml-tag", f"the tag '{node.tag}' means nothing here")

    def _refuse(self, node: Any, code: str, message: str, help: str = "") -> None:
        line, column = _place(node)
        self.problems.append(Diagnostic(self.file, line, column, code, message, help))


def _place(node: Any) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1
