"""Untrusted text as Python source. Nothing else prints a word of a hookspec into code.

The result reads as the text does, whatever the text is, and pleases a strict linter: quotes are
chosen to save escapes, and what cannot be seen, or would end a string, is escaped.
"""

import re
import textwrap
import unicodedata

from scaffold.generator._source.json_values import is_list, is_object
from scaffold.generator.ir import Json

WIDTH = 88

_ANYTHING = "See the contract."
"""The summary of what has no other."""

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

# Typographic characters that a linter takes for mistyped ASCII, in prose.
_PLAIN = str.maketrans(
    {
        0x2018: "'",
        0x2019: "'",
        0x201A: "'",
        0x2039: "'",
        0x203A: "'",
        0x201C: '"',
        0x201E: '"',
        0x201D: '"',
        0x2010: "-",
        0x2011: "-",
        0x2012: "-",
        0x2013: "-",
        0x2212: "-",
        0x00D7: "x",
        0x00B4: "'",
        0x0060: "`",
    }
)

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_STRUCTURE = re.compile(r"\s|[-*+#>|]|\d+[.)]\s")


def python_literal(value: Json) -> str:
    """Write a JSON value as a Python expression on one line."""
    if isinstance(value, str):
        return string_literal(value)
    if is_list(value):
        return f"[{', '.join(map(python_literal, value))}]"
    if is_object(value):
        entries = (f"{string_literal(key)}: {python_literal(item)}" for key, item in value.items())
        return f"{{{', '.join(entries)}}}"
    return repr(value)


def string_literal(value: str) -> str:
    """Write a string as a Python string literal on one line."""
    quote = "'" if value.count('"') > value.count("'") else '"'
    if value.isascii() and value.isprintable() and quote not in value and "\\" not in value:
        return f"{quote}{value}{quote}"
    return f"{quote}{''.join(_quoted(letter, quote) for letter in value)}{quote}"


def docstring(value: str, *, indent: int = 0, otherwise: str = _ANYTHING) -> str:
    """Write prose as a docstring of the usual shape: a summary line, a blank line, the rest.

    `otherwise` is the summary of prose that has none, or none that fits a line, if it fits itself.
    Later lines are indented by `indent`.
    """
    prose, raw = _printable(value)
    return _quote("\n\n".join(_shape(prose, indent + raw, otherwise)), indent, raw=raw)


def attribute_docstring(value: str, *, indent: int = 0) -> str:
    """Write prose as the docstring of an attribute, which needs no summary."""
    prose, raw = _printable(value)
    blocks = (_wrap(block, WIDTH - indent - raw - len('"""')) for block in prose.split("\n\n"))
    return _quote("\n\n".join(blocks), indent, raw=raw)


def _quote(body: str, indent: int, *, raw: bool) -> str:
    mark = 'r"""' if raw else '"""'
    if "\n" not in body and not body.endswith('"') and indent + len(f'{mark}{body}"""') <= WIDTH:
        return f'{mark}{body}"""'
    pad = " " * indent
    lines = re.sub(r"\n(?=[^\n])", f"\n{pad}", body)
    return f'{mark}{lines}\n{pad}"""'


def _quoted(letter: str, quote: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter == quote:
        return f"\\{quote}"
    if letter.isascii() and letter.isprintable():
        return letter
    if unicodedata.category(letter)[0] in "LM":
        return letter
    return _unicode(letter)


def _unicode(letter: str) -> str:
    code = f"{ord(letter):04x}"
    return f"\\u{code}" if len(code) == len("ffff") else f"\\U{code:0>8}"


def _clean(value: str) -> str:
    value = re.sub(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]", "\n", value).translate(_PLAIN)
    value = value.expandtabs(4)
    if not value.isascii():
        value = "".join(" " if unicodedata.category(x) == "Zs" else x for x in value)
    lines = (line.rstrip() for line in value.split("\n"))
    return textwrap.dedent("\n".join(lines)).strip()


def _printable(value: str) -> tuple[str, bool]:
    """Make prose fit to stand between three quotes; `True` if a raw string has to hold it."""
    prose = _clean(value)
    hostile = '""' in prose or prose.startswith('"') or _hides(prose)
    hostile = hostile or prose.endswith("\\")
    if not hostile:
        return prose, "\\" in prose
    prose = "".join(_unicode(x) if x == "\\" or _hidden(x) else x for x in prose)
    prose = prose.replace('""', '"\\u0022')
    return (f"\\u0022{prose[1:]}" if prose.startswith('"') else prose), False


def _hides(prose: str) -> bool:
    return not prose.replace("\n", "").isprintable()


def _hidden(letter: str) -> bool:
    return letter != "\n" and not letter.isprintable()


def _shape(value: str, indent: int, otherwise: str) -> list[str]:
    """Split prose into a summary that fits its line and blocks that fit theirs."""
    head, *rest = value.split("\n\n")
    lines = head.split("\n")
    room = WIDTH - indent - len('""".')
    if _is_structured(head):
        summary, overflow = lines[0], "\n".join(lines[1:])
    else:
        summary, overflow = _first_sentence(" ".join(lines), room)
    blocks = [overflow, *rest]
    if not any(blocks):
        room -= len('"""')
    if not summary or len(summary) > room or _STRUCTURE.match(summary):
        blocks = [head, *rest]
        summary = otherwise if len(otherwise) <= room else _ANYTHING
    wrapped = (_wrap(block.strip("\n"), WIDTH - indent) for block in blocks)
    return [_sentence(summary), *(block for block in wrapped if block.strip())]


def _is_structured(block: str) -> bool:
    return any(_STRUCTURE.match(line) for line in block.split("\n"))


def _first_sentence(value: str, room: int) -> tuple[str, str]:
    if len(value) <= room:
        return value, ""
    ends = [match for match in _SENTENCE_END.finditer(value) if match.start() < room]
    if not ends:
        return "", value
    return value[: ends[0].start()], value[ends[0].end() :]


def _sentence(value: str) -> str:
    word = value.split(" ", 1)[0]
    if word.isascii() and word.isalpha() and word.islower():
        value = value[0].upper() + value[1:]
    return value if value.endswith((".", "!", "?")) else f"{value.rstrip(' :;,')}."


def _wrap(block: str, width: int) -> str:
    if not _is_structured(block):
        block = " ".join(block.split("\n"))
    return "\n".join(_wrap_line(line, width) for line in block.split("\n"))


def _wrap_line(line: str, width: int) -> str:
    lead = line[: len(line) - len(line.lstrip())]
    mark = re.match(r"\s*(?:[-*+]|\d+[.)])\s+", line)
    return "\n".join(
        textwrap.wrap(
            line,
            width,
            subsequent_indent=" " * len(mark[0]) if mark else lead,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )
