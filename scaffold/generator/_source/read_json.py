"""JSON files: read by the standard parser, searched for places only when a problem needs one."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from functools import partial
from math import isinf
from pathlib import Path
from typing import NoReturn

from scaffold.generator._source.diagnostics import Diagnostic, SpecError
from scaffold.generator._source.json_values import is_list, is_object
from scaffold.generator._source.source_text import (
    HALF_CHARACTER,
    HUGE_NUMBER,
    LONG_NUMBER,
    MAX_DEPTH,
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

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')

_HALF = re.compile(r"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]")


def read_json(path: Path, file: str, texts: TextOverrides = NO_OVERRIDES) -> SourceFile:
    """Read a JSON file; raise `SpecError` if it is not JSON, repeats a key, or nests too deeply."""
    return json_source(read_text(path, file, texts), file)


def json_source(text: str, file: str) -> SourceFile:
    """Read a JSON text, as `read_json` does."""
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        message = f"this is not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        problem = Diagnostic(file, error.lineno, error.colno, "malformed-json", message, _JSON)
    except RecursionError:
        problem = _too_deep(file)
    except _NoNumberError as error:
        place, message = (
            _place_of(text, error.text),
            f"this is not JSON: {error.text} is not a number",
        )
        problem = Diagnostic(file, *place, "malformed-json", message, _JSON)
    except ValueError:  # Python reads no integers of more digits
        place = _place(text, next(_LONG.finditer(text)).start())
        problem = Diagnostic(file, *place, "huge-number", *LONG_NUMBER)
    except _RepeatedKeyError as error:
        line, column = _second_place(text, error.key)
        message = f"the key '{error.key}' is repeated"
        hint = "remove one of the two"
        problem = Diagnostic(file, line, column, "duplicate-key", message, hint)
    except _HugeNumberError as error:
        place = _place_of(text, error.text)
        problem = Diagnostic(file, *place, "huge-number", *HUGE_NUMBER)
    else:
        half = _HALF.search(text)
        if text.count("{") + text.count("[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
            problem = _too_deep(file)
        elif half and join_surrogates(json.dumps(value, ensure_ascii=False)) is None:
            place = _place(text, half.start())
            problem = Diagnostic(file, *place, "half-character", *HALF_CHARACTER)
        else:
            return SourceFile(file, value, partial(_find_places, text))
    raise SpecError([problem])


_JSON = "JSON has no comments, no commas at the end, and text in double quotes (RFC 8259)"

_LONG = re.compile(r"(?<![\d.eE+-])-?[0-9]{4301}")


class _RepeatedKeyError(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class _HugeNumberError(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise _RepeatedKeyError(next(name for name, count in counts.items() if count > 1))
    return result


class _NoNumberError(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def _refuse_constant(text: str) -> NoReturn:
    raise _NoNumberError(text)


def _finite(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise _HugeNumberError(text)
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse_constant
)


def _too_deep(file: str) -> Diagnostic:
    hint = f"use at most {MAX_DEPTH} levels"
    return Diagnostic(file, 1, 1, "too-deep", "the file is nested too deeply", hint)


def _depth(value: Json) -> int:
    """Count the levels of a value, level by level: a recursion might not come back."""
    depth, level = 0, [value]
    while level := [part for item in level for part in _parts(item)]:
        depth += 1
    return depth


def _parts(value: Json) -> Iterable[Json]:
    if is_object(value):
        return value.values()
    return value if is_list(value) else ()


def _find_places(text: str) -> Positions:
    """Find where every value and every key of a valid JSON text stands."""
    values: dict[Pointer, Position] = {}
    keys: dict[Pointer, Position] = {}
    for at, place, is_key in _walk(text):
        (keys if is_key else values).setdefault(at, place)
    return Positions(values, keys)


def _second_place(text: str, key: str) -> Position:
    """Find the second of two equal keys of one object."""
    seen: set[Pointer] = set()
    for at, place, is_key in _walk(text):
        if is_key and at in seen and at[-1] == key:
            return place
        if is_key:
            seen.add(at)
    return 1, 1


def _place_of(text: str, token: str) -> Position:
    """Find a number in a JSON text."""
    return _place(text, next(m.start() for m in _TOKEN.finditer(text) if m.group() == token))


def _place(text: str, offset: int) -> Position:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _walk(text: str) -> list[tuple[Pointer, Position, bool]]:
    """List the values and the keys of a valid JSON text, in its order."""
    found: list[tuple[Pointer, Position, bool]] = []
    path: list[str | int] = []
    closers: list[str] = []
    expect_key = False
    line, line_start, scanned = 1, 0, 0
    for match in _TOKEN.finditer(text):
        part, start = match.group(), match.start()
        newlines = text.count("\n", scanned, start)
        if newlines:
            line += newlines
            line_start = text.rfind("\n", scanned, start) + 1
        scanned = start
        place = line, start - line_start + 1
        match part:
            case ":":
                expect_key = False
            case ",":
                last = path[-1]
                expect_key = closers[-1] == "}"
                path[-1] = last + 1 if isinstance(last, int) else last
            case "}" | "]":
                closers.pop()
                path.pop()
                expect_key = False
            case _ if expect_key:
                path[-1] = json.loads(part)
                found.append((tuple(path), place, True))
            case _:
                found.append((tuple(path), place, False))
                if part in "{[":
                    closers.append("}" if part == "{" else "]")
                    path.append("" if part == "{" else 0)
                    expect_key = part == "{"
    return found
