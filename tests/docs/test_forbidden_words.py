"""What people read is plain English: documents, docstrings, comments, messages, help and templates.

CONTRIBUTING.md has the rules of prose. The changelog and the decisions before 0027 are history.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIRST_CHECKED_DECISION = "0027"

INSTEAD = {
    r"mend(?:s|ed|ing)?": "fix (a change), help (a sentence that says what to do)",
    r"anew": "again; name the action: regenerate, restart, reconnect",
    r"heed(?:s|ed|ing)?": "respect, note, watch",
    r"who(?:m)?ever": "name the actor: the caller, the server, the author",
    r"beside": "next to, as well as, compared with",
    r"dear(?:ly|er|est)?": "expensive, slow; name the cost",
    r"for ever": "forever, without a limit",
    r"(?:is|are|was|were|be|been) told": "name the actor: the host sends the plugin a token",
    r"hear(?:s|d|ing)? of": "receives, is notified of",
    r"(?:come|comes|came|coming) about": "happens, results from",
    r"befall(?:s|en)?|befell": "happens to",
    r"thereof": "of it, of them",
    r"(?:is|are|was|were) to (?:be|change|get|look|make|stay)": "must; or say what happens",
    r"(?:(?:that|which|it|this) (?:is|are)|would be) no (?!longer|more|less)\w+": "is not a ...",
    r"cannot be had": "is unavailable",
    r"makes? no sense": "is invalid",
    r"(?:acted|act|acts) upon": "applied, used",
    r"(?:afresh|amiss|whence|wherein|therein|hereby|whereby)": "again, wrong, from where, in which",
}
"""Patterns of whole words and phrases, and what to write instead."""

WORDS = [
    (re.compile(r"\b(?:" + pattern.replace(" ", r"\s+") + r")\b", re.IGNORECASE), instead)
    for pattern, instead in INSTEAD.items()
]
NAMES = re.compile(r"(?<!`)(`{1,2})(?!`)[^`\n]+\1(?!`)|\]\([^)\s]*\)")
"""Names of code, and targets of links; the block of a fence is not one of them."""
KEY = re.compile(r"""["'][a-z_]+["']""")
"""A string of one word: a key of JSON output, which may not change."""
PROSE_TOKENS = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)}


def places(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, word and what to write instead, for every forbidden word of a text."""
    prose = NAMES.sub(lambda span: " " * len(span[0]), text)
    for pattern, instead in WORDS:
        for found in pattern.finditer(prose):
            yield prose.count("\n", 0, found.start()) + 1, found[0], instead


def prose_of_python(source: str) -> Iterator[tuple[int, str]]:
    """Yield the comments and the strings of a module, each with its first line."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in PROSE_TOKENS and not KEY.fullmatch(token.string):
            yield token.start[0], token.string


def places_in(path: Path) -> Iterator[tuple[int, str, str]]:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from places(text)
    elif any(pattern.search(text) for pattern, _ in WORDS):
        for first, prose in prose_of_python(text):
            for line, word, instead in places(prose):
                yield first + line - 1, word, instead


def complaints(paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line}: '{' '.join(word.split())}': write {instead}"
        for path in paths
        for line, word, instead in sorted(places_in(path))
    ]


def documents() -> list[Path]:
    pages = [
        path
        for path in sorted((ROOT / "docs").rglob("*.md"))
        if path.parent.name != "decisions"
        or path.name == "README.md"
        or path.name[:4] >= FIRST_CHECKED_DECISION
    ]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *pages]


def modules() -> list[Path]:
    return sorted((ROOT / "scaffold").rglob("*.py"))


def templates() -> list[Path]:
    found = sorted((ROOT / "templates").rglob("*"))
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


@pytest.mark.parametrize("paths", [documents, modules, templates])
def test_prose_has_no_forbidden_words(paths):
    files = paths()
    assert files
    found = complaints(files)
    assert not found, f"{len(found)} forbidden words:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "mends the file",
        "Heed it",
        "written anew",
        "whoever calls",
        "the file beside it",
        "waits for\never",
        "the caller is told",
        "it hears of calls",
        "how it comes about",
        "a dear copy",
        "what befell it",
        "a part thereof",
        "what is to be done",
        "a place that is no URL",
        "it would be no plugin",
        "a lock that cannot be had",
        "this makes no sense",
        "acted upon",
        "written afresh",
    ],
)
def test_each_forbidden_word_is_found(text):
    assert len(list(places(text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "recommend, amend",
        "besides",
        "for every call",
        "it told",
        "it is to the left",
        "there is no URL",
        "it is no longer open",
        "`error.mend`",
        "[fixes](0021-mends.md)",
    ],
)
def test_similar_words_and_names_of_code_are_allowed(text):
    assert list(places(text)) == []


def test_comments_strings_and_docstrings_are_checked_and_names_are_not():
    source = '"""Mend."""\nmend = f"{x} anew"  # heed\nbeside(mend, {"mend": 1})\n'
    found = [
        (first + line - 1, word)
        for first, prose in prose_of_python(source)
        for line, word, _ in places(prose)
    ]
    assert found == [(1, "Mend"), (2, "anew"), (2, "heed")]
