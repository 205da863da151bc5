"""Text of hookspecs in Markdown: what formats it stays, what would take the page over does not.

Emphasis, lists, code and links to web addresses are kept. Raw HTML, images, links of other schemes,
headings and fences that nothing closes are shown as they are written (CommonMark 0.31).
"""

import re

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"^( {0,3})(#(?=#{0,5}(?:[ \t]|$))|[=-](?=[=-]*[ \t]*$))")
_DEFINITION = re.compile(r"^( {0,3})\[(?=[^\]]*\]:)")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
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
    return _bars(_escaped(" ".join(text.split())))


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
    """Return the line that closes the fence of a line; `None` if it opens none that is closed."""
    opened = _FENCE.match(lines[start])
    if opened is None:
        return None
    mark = opened[1]
    for index in range(start + 1, len(lines)):
        closed = _FENCE.fullmatch(lines[index].rstrip())
        if closed and closed[1][0] == mark[0] and len(closed[1]) >= len(mark):
            return index
    return None


def _line(line: str) -> str:
    """Take away what a line means at its beginning: a fence, a heading, a link's definition."""
    fence = _FENCE.match(line)
    if fence:
        return line.replace(fence[1], f"&#{ord(fence[1][0])};" * len(fence[1]), 1)
    line = _HEADING.sub(lambda found: f"{found[1]}&#{ord(found[2])};", line, count=1)
    return _DEFINITION.sub(r"\1&#91;", line, count=1)


def _inline(lines: list[str]) -> list[str]:
    return [_escaped("\n".join(lines))] if lines else []


def _escaped(text: str) -> str:
    """Take HTML, images and links of other schemes out of a text, and leave its code alone."""
    parts: list[str] = []
    end = 0
    for span in _SPAN.finditer(text):
        parts += [_plain(text[end : span.start()]), span[0]]
        end = span.end()
    return "".join([*parts, _plain(text[end:])])


def _plain(text: str) -> str:
    text = text.replace("<", "&lt;").replace("![", "&#33;[")
    return _TARGET.sub("]&#40;", text)


def _bars(text: str) -> str:
    return text.replace("|", "\\|")
