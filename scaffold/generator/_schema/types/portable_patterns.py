"""Regular expressions that mean the same in every language, so that a type can carry them.

JSON Schema speaks of ECMA-262. Rust, RE2 and Python agree with it on less: on printable ASCII,
classes, groups, alternatives, anchors and repeats. Other patterns are left to the schema.
"""

import re

MAX_LENGTH = 300
"""Characters of a pattern that a type carries."""

MAX_REPEATS = 1000
"""What the counts of a pattern may come to, multiplied: an automaton has a place for each."""

_CLASSES = {r"\d": "0-9", r"\w": "A-Za-z0-9_"}
"""Without these, `\\d` is any digit of Unicode in some languages, and one of ten in others."""

_ESCAPED = r"\\[.*+?()\[\]{}|^$/\\-]"
_PLAIN = r"[^\x00-\x1f\x7f-\U0010ffff.*+?()\[\]{}|^$\\]"
_MEMBER = rf"[A-Za-z0-9]-[A-Za-z0-9]|{_ESCAPED}|\\[dw]|[^\x00-\x1f\x7f-\U0010ffff\[\]\\^&~-]"
_TOKEN = re.compile(
    rf"(?P<open>\((?:\?:|(?!\?)))|(?P<close>\))|(?P<mark>[|^$])"
    rf"|(?P<repeat>(?:[*+?]|\{{(?P<least>\d{{1,4}})(?P<most>,\d{{0,4}})?\}})\??)"
    rf"|(?P<set>\[\^?(?!\])-?(?:{_MEMBER})*-?\])|(?P<atom>{_PLAIN}|\.|{_ESCAPED}|\\[dw])"
)


def to_portable(pattern: str) -> str | None:
    """Return a pattern as every language reads it, or `None` if they would not agree.

    The caller has checked that it is a valid regular expression.
    """
    if len(pattern) > MAX_LENGTH:
        return None
    parts: list[str] = []
    repeats, before, at = 1, "mark", 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            return None
        at, kind = token.end(), token.lastgroup or ""
        if kind == "repeat":
            if before not in ("atom", "set", "close"):
                return None
            counts = [token["least"] or "1", (token["most"] or "").strip(",") or "1"]
            repeats *= max(1, *map(int, counts))
        parts.append(_translate(kind, token[0]))
        before = kind
    return "".join(parts) if repeats <= MAX_REPEATS else None


def _translate(kind: str, text: str) -> str:
    if kind == "atom":
        return f"[{_CLASSES[text]}]" if text in _CLASSES else text.replace(r"\/", "/")
    if kind == "set":
        return re.sub(r"\\(.)", lambda found: _CLASSES.get(found[0], found[0]), text)
    return text
