"""The names of things: which ones a hook may have, and which ones types get."""

import re
from collections.abc import Iterable

_PYTHON = """
    and as assert async await break class continue def del elif else except finally for from global
    if import in is lambda nonlocal not or pass raise return try while with yield
"""
_TYPESCRIPT = """
    break case catch class const continue debugger default delete do else enum export extends false
    finally for function if implements import in instanceof interface let new null package private
    protected public return static super switch this throw true try typeof var void while with yield
"""
_GO = """
    break case chan const continue default defer else fallthrough for func go goto if import
    interface map package range return select struct switch type var
"""

KEYWORDS = frozenset((_PYTHON + _TYPESCRIPT + _GO).split())
"""Words that some language of the bindings keeps for itself."""

RESERVED_ATTRIBUTES = frozenset({"setup", "teardown", "close", "aclose", "kind", "channel", "mro"})
"""What every plugin, client or class already has."""

_IMPORTED = """
    ABSENT Annotated Any AsyncChannel AsyncClient AsyncGenerator AsyncIterator Awaitable Channel
    ClassVar Client Dispatch Field Functions Generator Hook HookError Integer Iterator Json
    JsonObject Kind Literal Map MaybeAsyncIterator MaybeAwaitable Model None NoneType Number
    Path Plugin PluginContext Record Self StreamHook True False TypeAlias Union Optional
"""
"""Names that generated modules import, or that a language has of its own."""

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def pascal_case(text: str) -> str:
    """Write text as one PascalCase word of ASCII letters and digits; empty if there is none."""
    words = _WORD.findall(text.encode("ascii", "ignore").decode())
    joined = "".join(word[0].upper() + word[1:] for word in words)
    return joined.lstrip("0123456789")


def singular(word: str) -> str:
    """Name one of several: `entries` is a list of `entry`, and `status` stays as it is."""
    if word.endswith("ies") and len(word) > len("ties"):
        return f"{word[:-3]}y"
    plural = word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural and len(word) > len("is") else f"{word}_item"


def reserved_type_names(kind: str) -> frozenset[str]:
    """Return the names that no type of the kind may have: the bindings use them."""
    name = pascal_case(kind)
    return frozenset(_IMPORTED.split()) | {
        f"{name}Plugin",
        f"{name}Client",
        f"Async{name}Client",
        f"{name}Stub",
    }


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Write the help for a word that is not known: the nearest one if there is one, and all."""
    from difflib import get_close_matches

    choices = sorted(known)
    near = get_close_matches(word, choices, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{hint}there is: {quoted_list(choices)}" if choices else "there is none"


def intended_word(word: str, known: Iterable[str]) -> str | None:
    """Return the only known word that a misspelt word can mean; `None` if there is any doubt.

    Case and separators do not count. One letter may be missing, wrong, added or swapped with its
    neighbour; in long words two.
    """
    flat = _flat(word)
    slips = 2 if len(flat) > len("maximum") else int(len(flat) > len("item"))
    near = [each for each in known if each != word and _distance(flat, _flat(each), slips) <= slips]
    return near[0] if len(near) == 1 else None


def _flat(word: str) -> str:
    return re.sub(r"[\W_]", "", word).lower()


def _distance(one: str, two: str, most: int) -> int:
    """Count the slips between two words, as Damerau and Levenshtein do; `most` is far enough."""
    if abs(len(one) - len(two)) > most:
        return most + 1
    before, last = [0], list(range(len(two) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, other in enumerate(two, 1):
            cost = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != other))
            swapped = row > 1 and column > 1 and one[row - 2] == other and letter == two[column - 2]
            now.append(min(cost, before[column - 2] + 1) if swapped else cost)
        before, last = last, now
    return last[-1]


def quoted_list(words: Iterable[str]) -> str:
    """Write words as a list to choose from."""
    return ", ".join(f"'{word}'" for word in words)
