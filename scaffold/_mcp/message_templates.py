"""Fast path for repeated messages: a checked message is a template for those that differ little.

A peer writes all calls of a tool alike, and all responses, with the payload last. The bytes between
the id and the payload are the *template*. They are parsed once, and compared from then on. The
payload goes to its own reader and is not scanned before.

Why this is sound: a template ends with the key of the payload, two objects deep, and holds no
backslash, so each quote in it begins or ends a string. A line that consists of `MESSAGE_START`, an
id of digits, a known template, one JSON value and two braces is therefore the earlier message with
another id and another payload. The reader of the payload finds out whether the slice is one JSON
value. If it refuses the slice, the line must be parsed in full.
"""

from typing import Final, Generic, TypeVar

import msgspec

T = TypeVar("T")

MESSAGE_START: Final = b'{"jsonrpc":"2.0","id":'
"""The first bytes of every message that can match a template."""

_ID_START: Final = len(MESSAGE_START)
_MAX_ID_END: Final = _ID_START + 18
_MAX_TEMPLATE_BYTES: Final = 1024
_MAX_TEMPLATES: Final = 64
"""A peer whose templates always differ gains nothing from more of them."""
_NO_TEMPLATE: Final = b"\n"
"""Matches no line, because a line does not contain its end."""


class TemplateMatch(msgspec.Struct, Generic[T], gc=False):
    """A message that matches a template. It is valid as long as its payload can be read."""

    id: int
    value: T
    payload: bytes
    line: bytes


class TemplateCache(Generic[T]):
    """The templates of messages whose payload is the member `key`, each with a value.

    Example: after `cache.remember(line, payload, tool)`, `cache.match(other_line)` returns the
    tool, the id and the payload of a line that differs from `line` in id and payload only.
    """

    def __init__(self, key: str) -> None:
        self._key = b'"%b":' % key.encode()
        self._values: dict[bytes, T] = {}
        self.last_template = _NO_TEMPLATE
        """The template that matched last; most often the next message matches it too."""

    def match(self, line: bytes) -> TemplateMatch[T] | None:
        """Take apart a line without its newline; return `None` if it matches no template."""
        parts = self.split(line)
        if parts is None:
            return None
        digits, payload, value = parts
        return TemplateMatch(int(digits), value, payload, line)

    def split(self, line: bytes, tail: bytes = b"}}") -> tuple[bytes, bytes, T] | None:
        """Return the digits of the id, the payload and the template's value, or `None`.

        `tail` is what must follow the payload: two braces, and the newline if the line has one.
        """
        comma = line.find(b",", _ID_START, _MAX_ID_END)
        template = self.last_template
        if line[comma : comma + len(template)] != template:
            template = self._template_of(line, comma)
            if template not in self._values:
                return None
            self.last_template = template
        digits, end = line[_ID_START:comma], -len(tail)
        is_id = digits.isdigit() and digits >= b"1"
        if is_id and line[:_ID_START] == MESSAGE_START and line[end:] == tail:
            return digits, line[comma + len(template) : end], self._values[template]
        return None

    def remember(self, line: bytes, payload: bytes, value: T) -> None:
        """Keep the template of a line that was parsed in full, if the line can be one.

        `payload` is the value of the key, as it stands in the line.
        """
        template = self._template_of(line, line.find(b",", _ID_START, _MAX_ID_END))
        usable = template.endswith(self._key) and b"\\" not in template and b'"id":' not in template
        known = self._values.get(template)
        is_new = known is None and len(self._values) < _MAX_TEMPLATES
        if usable and (is_new or (known is not None and known != value)):
            # Tried in a cache of its own: other threads must not match it before it is known to
            # find the same payload.
            trial: TemplateCache[T] = TemplateCache("")
            trial._values[template] = value
            trial.last_template = template
            found = trial.match(line)
            if found is not None and found.payload == payload:
                self._values[template] = value
                self.last_template = template

    def _template_of(self, line: bytes, comma: int) -> bytes:
        """Return the bytes from the comma after the id to the payload."""
        return line[
            comma : line.find(self._key, comma, comma + _MAX_TEMPLATE_BYTES) + len(self._key)
        ]
