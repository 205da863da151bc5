"""Escaping of untrusted text for terminals and logs.

Names, descriptions, paths, error messages and log lines come from files, plugins and servers of
other people. A terminal obeys control characters in them: they move the cursor, erase lines, set
the clipboard (OSC 52) or reverse the direction of writing, so that a line shows another text.
Sources: ECMA-48; Unicode Technical Report 36, section 2.7 (bidirectional text spoofing).
"""

import re
from typing import Final

_CONTROLS: Final = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    r"\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # direction, invisible, newlines
    r"\ud800-\udfff"  # half a character
    r"\U000e0000-\U000e007f"  # tags, which are invisible
)
_UNSAFE: Final = re.compile(f"[{_CONTROLS}]")
_UNSAFE_IN_LINE: Final = re.compile(f"[{_CONTROLS}\n]")


def printable(text: str) -> str:
    r"""Escape control and invisible characters, for example as `\x1b`; keep newlines and tabs."""
    return _UNSAFE.sub(_escaped, text)


def printable_line(text: str) -> str:
    r"""Escape control and invisible characters, and newlines too."""
    return _UNSAFE_IN_LINE.sub(_escaped, text)


def json_printable(text: str) -> str:
    r"""Escape the same characters in a JSON text as `\u001b` (RFC 8259 §7); its value stays."""
    return _UNSAFE.sub(_escaped_in_json, text)


def _escaped(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


def _escaped_in_json(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(rf"\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
