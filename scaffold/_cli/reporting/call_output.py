"""What calls answered, compared and printed; and what the plugin logged, shown if it failed."""

import json
import logging
import os
import tempfile
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import unified_diff
from math import ceil
from typing import Final

from typing_extensions import override

from scaffold._cli.reporting.output import print_json_text, print_lines, print_message
from scaffold._printable import printable
from scaffold.contract._errors.errors import HookError, InternalError
from scaffold.contract._json import Json, JsonObject
from scaffold.generator._source.json_values import canonical

_KEPT: Final = 1000
"""Records that are kept; a plugin that floods its log does not fill the memory."""
_SHOWN: Final = 8192
"""Characters of a traceback that are shown: its end, which says most."""


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


@contextmanager
def plugin_log() -> Generator["PluginLog"]:
    """Keep the log of every plugin, in this process or another, for the time of a command."""
    logger = logging.getLogger("plugin")
    log = PluginLog()
    logger.addHandler(log)
    logger.propagate, propagated = False, logger.propagate
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield log
    finally:
        logger.removeHandler(log)
        logger.propagate = propagated
        logger.setLevel(level)


class PluginLog(logging.Handler):
    """Holds the last records until a command needs them."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        self._records: deque[str] = deque(maxlen=_KEPT)
        self._left_out = 0

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._left_out += len(self._records) == _KEPT
        self._records.append(printable(self.format(record)))

    def explain(self, error: InternalError) -> None:
        """Show the traceback of an exception; write the whole log to a file, noted on the error."""
        if not self._records:
            return
        mark = str(error.data["id"])
        shown = next((record for record in self._records if mark in record), None)
        if shown is not None:
            print_message(shown if len(shown) <= _SHOWN else f"…{shown[-_SHOWN:]}")
        error.add_note(f"the whole log of the plugin is in '{self._written()}'")

    def _written(self) -> str:
        handle, path = tempfile.mkstemp(prefix="scaffold-plugin-", suffix=".log", text=True)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            if self._left_out:
                file.write(f"({self._left_out} earlier records are left out)\n")
            file.writelines(f"{record}\n" for record in self._records)
        return path
