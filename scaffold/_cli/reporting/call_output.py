"""What calls answered: compared between runtimes, and printed for people and programs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from math import ceil

from scaffold._cli.reporting.output import print_json_text, print_lines
from scaffold.contract._errors.errors import HookError
from scaffold.contract._json.types import Json, JsonObject
from scaffold.generator._source.json_values import canonical


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of calling a hook over one runtime."""

    outcome: JsonObject
    """`{"result": …}` or `{"error": {"code": …, "message": …, "data": …}}`."""
    error: HookError | None
    times: Sequence[int]
    """Nanoseconds of every call."""


def all_equal(answers: Mapping[str, Answer]) -> bool:
    """Tell whether all runtimes answered alike."""
    return len({canonical(answer.outcome) for answer in answers.values()}) == 1


def difference(answers: Mapping[str, Answer]) -> Iterator[str]:
    """Yield the lines of a diff from the first runtime's answer to each of the others."""
    (first, expected), *others = (
        (runtime, _pretty(answer.outcome)) for runtime, answer in answers.items()
    )
    for runtime, lines in others:
        yield from unified_diff(expected, lines, first, runtime)


def print_outcomes(answers: Mapping[str, Answer], *, compare: bool, as_json: bool) -> None:
    """Print the answer, or with `compare` in JSON one for every runtime."""
    answer = next(iter(answers.values()))
    if as_json:
        outcomes = {runtime: each.outcome for runtime, each in answers.items()}
        print_json(outcomes if compare else answer.outcome)
    elif answer.error is None:
        print_json(answer.outcome["result"])


def print_times(answers: Mapping[str, Answer], *, as_json: bool) -> None:
    """Print how long the calls took over each runtime."""
    rows = {
        runtime: {
            "count": len(answer.times),
            "p50_us": _percentile(answer.times, 0.50),
            "p99_us": _percentile(answer.times, 0.99),
        }
        for runtime, answer in answers.items()
    }
    if as_json:
        print_json(rows)
        return
    for runtime, row in rows.items():
        text = f"{row['count']} calls  p50 {row['p50_us']} µs  p99 {row['p99_us']} µs"
        print_lines([f"{runtime:<10}  {text}"])


def print_json(value: Json) -> None:
    """Print canonical JSON on one line: sorted keys, no spaces."""
    print_json_text(canonical(value))


def _percentile(times: Sequence[int], share: float) -> float:
    """Return the nearest-rank percentile of nanoseconds, in microseconds."""
    return round(sorted(times)[ceil(share * len(times)) - 1] / 1000, 1)


def _pretty(value: Json) -> list[str]:
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False)
    return [f"{line}\n" for line in text.split("\n")]
