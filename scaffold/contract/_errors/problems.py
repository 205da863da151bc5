"""The problems of an invalid payload, within limits: a refusal must fit into one message."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

MAX_PROBLEMS: Final = 100
"""Problems that one refusal lists."""

MAX_PROBLEM_BYTES: Final = 18 << 10
"""Bytes of the problems of one refusal as JSON.

They cross the wire up to three times: in the message, in the text for a model, and as data. So a
refusal stays below 64 KiB.
"""

MAX_MESSAGE_CHARS: Final = 400
"""Characters of a message. The caller has the value, and a pointer into it."""

MAX_POINTER_CHARS: Final = 1000
"""Characters of a JSON Pointer. A longer one is cut: it then points to an enclosing object."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One way in which a value breaks its schema."""

    path: str
    """JSON Pointer (RFC 6901) to the invalid value; `""` is the payload itself."""
    rule: str
    """The JSON Schema keyword that the value breaks: `minimum`, `required`, …"""
    message: str
    """What was expected and what was found, in one sentence."""

    def as_json(self) -> dict[str, str]:
        """Return the problem as it crosses the wire."""
        return {"path": self.path, "rule": self.rule, "message": self.message}

    def __str__(self) -> str:
        return f"{self.path or '(payload)'}: {self.message} [{self.rule}]"


class OmittedProblems(NamedTuple):
    """How many problems of a payload a refusal does not list."""

    number: int = 0
    is_exact: bool = True
    """False if the search for problems ended early: there may be more than `number`."""

    def __str__(self) -> str:
        if self.number == 0:
            return "" if self.is_exact else "; and perhaps more"
        return (
            f"; and {self.number} more" if self.is_exact else f"; and at least {self.number} more"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the members of the error's data that say so; none if nothing is omitted."""
        if self.number == 0 and self.is_exact:
            return {}
        return {"more": self.number, "more_is_exact": self.is_exact}


NO_OMITTED_PROBLEMS: Final = OmittedProblems()


def sort_key(problem: Problem) -> tuple[list[tuple[int, str]], str, str]:
    """Order problems by path, rule and message; indexes of lists count as numbers."""
    steps = [(int(step), "") if step.isdecimal() else (-1, step) for step in _steps(problem.path)]
    return steps, problem.rule, problem.message


def _steps(path: str) -> list[str]:
    # A longer number is a property's name: `int` refuses very long texts, and lists are shorter.
    return [step if len(step) < len("9" * 19) else f" {step}" for step in path.split("/")]


def within_limits(problems: Sequence[Problem]) -> Iterator[Problem]:
    """Yield as many problems as one refusal may list, each shortened if it is too long."""
    size = 0
    for problem in problems[:MAX_PROBLEMS]:
        short = _shorten(problem)
        size += sum(
            map(_json_bytes, (short.path, short.rule, short.message, '{"path","rule","message"}'))
        )
        if size > MAX_PROBLEM_BYTES:
            return
        yield short


def _shorten(problem: Problem) -> Problem:
    path, rule, message = problem.path, problem.rule, problem.message
    if len(path) <= MAX_POINTER_CHARS and max(len(rule), len(message)) <= MAX_MESSAGE_CHARS:
        return problem
    if len(path) > MAX_POINTER_CHARS:
        path = path[:MAX_POINTER_CHARS].rpartition("/")[0]
    return Problem(path, rule[:MAX_MESSAGE_CHARS], shorten_message(message))


def _json_bytes(text: str) -> int:
    """Count the bytes of a text as JSON, escapes included."""
    return (
        len(text.encode("utf-8", "replace"))
        + text.count('"')
        + text.count("\\")
        + 5 * sum(character < " " for character in text)
    )


def shorten_message(message: str) -> str:
    """Cut the middle out of a long message: its end says what is wrong with the value."""
    if len(message) <= MAX_MESSAGE_CHARS:
        return message
    return f"{message[: MAX_MESSAGE_CHARS // 4]}…{message[-MAX_MESSAGE_CHARS // 2 :]}"
