"""Text of a hookspec in a page: it stays what it formats, and cannot take the page over.

Emphasis, lists, code and links to web addresses are kept. Raw HTML, images, links of other schemes,
headings and fences that nothing closes are shown as they are written (CommonMark 0.31).

Code is left alone only where every reader finds the same code. Where it depends on lists, quotes,
tables or escapes around it, its `<` is written as `&lt;`, which then may be seen in the code.
"""

import re

_FENCE = re.compile(r"( {0,3})(`{3,}(?=[^`]*$)|~{3,})")
_CLOSING = re.compile(r"( {0,3})(`{3,}|~{3,})[ \t]*")
_ANY_FENCE = re.compile(r"^((?:[\s>*+-]|\d+[.)])*)(`{3,}|~{3,})")
"""A fence that may be in lists and quotes."""
_HEADING = re.compile(r"^( {0,3})(#(?=#{0,5}(?:[ \t]|$))|[=-](?=[=-]*[ \t]*$))")
_DEFINITION = re.compile(r"\]:")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_TARGET = re.compile(r"\]\((?!\s*(?:https?://|mailto:|#|[A-Za-z0-9_./-]+(?:#[\w-]*)?\s*\)))")


def block(text: str) -> str:
    """Write a description that stands for itself: several lines, formatted."""
    lines = text.strip().splitlines()
    written: list[str] = []
    plain: list[str] = []
    index = 0
    while index < len(lines):
        end = _closing(lines, index)
        if end is None:
            plain.append(_line(lines[index]))
            index += 1
        else:
            written += [*_inline(plain), *lines[index : end + 1]]
            plain = []
            index = end + 1
    return "\n".join([*written, *_inline(plain)])


def cell(text: str) -> str:
    """Write a description in one line, as in a table, where a bar would end it."""
    return _bars(_escaped(" ".join(text.split()), table=False))


def code(text: str) -> str:
    """Write a name or a value as a code span, whatever backticks are in it."""
    text = _bars(" ".join(text.split()))
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest or not text else f"`{text}`"


def comment(text: str) -> str:
    """Write text that no end of a comment is in."""
    return re.sub(r"-{2,}|[<>]", "-", " ".join(text.split()))


def _closing(lines: list[str], start: int) -> int | None:
    """Return the line that closes the fence of a line; `None` if it opens none that is closed.

    A list that a fence is in ends at a line that is indented less, and the fence with it. Such a
    fence counts as one that nothing closes.
    """
    opened = _FENCE.match(lines[start])
    if opened is None:
        return None
    indentation, mark = opened.groups()
    for index in range(start + 1, len(lines)):
        line = lines[index]
        if line.strip() and not line.startswith((indentation, "\t")):
            return None
        closed = _CLOSING.fullmatch(line)
        if closed and closed[2][0] == mark[0] and len(closed[2]) >= len(mark):
            return index
    return None


def _line(line: str) -> str:
    """Take away what a line means at its beginning: a fence or a heading."""
    fence = _ANY_FENCE.match(line)
    if fence:
        mark = fence[2]
        return f"{fence[1]}{f'&#{ord(mark[0])};' * len(mark)}{line[fence.end() :]}"
    return _HEADING.sub(lambda found: f"{found[1]}&#{ord(found[2])};", line, count=1)


def _inline(lines: list[str]) -> list[str]:
    return [_escaped("\n".join(lines), table=True)] if lines else []


def _escaped(text: str, *, table: bool) -> str:
    """Take HTML, images and links of other schemes out of a text, and leave its code alone.

    Args:
        text: Lines that are not in a fence.
        table: True if a bar may end a cell, and with it a code span.
    """
    if not all(_is_clear(line, table=table) for line in text.split("\n")):
        return _plain(text)
    parts: list[str] = []
    end = 0
    for span in _SPAN.finditer(text):
        parts += [_plain(text[end : span.start()]), span[0]]
        end = span.end()
    return "".join([*parts, _plain(text[end:])])


def _is_clear(line: str, *, table: bool) -> bool:
    """Return whether the code spans of a line are the same wherever the line is.

    All backticks must belong to spans of this line: otherwise a span may begin in one block and end
    in another, or not be one. A backslash may take the meaning from a backtick.
    """
    return (
        "`" not in _SPAN.sub("", line)
        and "\\`" not in line
        and not (table and any("|" in span[0] for span in _SPAN.finditer(line)))
    )


def _plain(text: str) -> str:
    text = text.replace("<", "&lt;").replace("![", "&#33;[")
    return _TARGET.sub("]&#40;", _DEFINITION.sub("]&#58;", text))


def _bars(text: str) -> str:
    return text.replace("|", "\\|")
