"""What is compared with what, how far it must go, and the table that says so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final

__all__ = ["COMPARISONS", "Comparison", "figures_table", "ratios_table"]

Round = Mapping[str, Mapping[str, float]]
"""What one round measured: side → figure → seconds or bytes. Less is better, always."""

_MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """One line of the table: a figure of ours compared with those of a floor and of the peers."""

    title: str
    side: str
    figure: str
    floor: str = ""
    at_most: float | None = None
    """The most that ours may cost, in floors."""
    sdk: str = "SDK"
    fast: str = "FastMCP"
    at_least: float | None = None
    """The least that the SDK must cost, in ours."""
    ceiling: float | None = None
    """The most that ours may cost, in seconds or bytes."""


COMPARISONS: Final = (
    Comparison("stdio, sync", "ours", "small", "raw pipe", 2.5, at_least=60),
    Comparison("… CPU of both ends", "ours", "small, CPU", "raw pipe"),
    Comparison("… on any core", "ours", "small, any core", "raw pipe"),
    Comparison("… exact schema", "ours, exact schema", "small", "raw pipe"),
    Comparison("… 10 KB", "ours", "10 KB", "raw + pydantic", 1.0),
    Comparison("… 1 MB", "ours", "1 MB", "raw + pydantic", 1.0),
    Comparison("… 64 threads", "ours", "64 in flight"),
    Comparison("stdio, async", "ours, async", "small", "raw pipe", 4.0),
    Comparison("… on uvloop", "ours, async on uvloop", "small", "raw pipe", 3.0),
    Comparison("… 10 KB", "ours, async", "10 KB", "raw + pydantic", 1.0),
    Comparison("… 1 MB", "ours, async", "1 MB", "raw + pydantic", 1.0),
    Comparison("… 64 in flight", "ours, async", "64 in flight", "raw pipe, async", at_least=75),
    Comparison("stdio, cold start", "ours", "cold start", at_least=5),
    Comparison("… from a fork server", "ours, forked", "cold start", ceiling=0.02),
    Comparison("stdio, memory", "ours", "memory", ceiling=32 * _MEGABYTE),
    Comparison("… own pages", "ours", "own memory", ceiling=18 * _MEGABYTE),
    *(
        Comparison(title, side, figure, floor, most, "SDK, HTTP", "FastMCP, HTTP", least)
        for title, side, figure, floor, most, least in (
            ("HTTP, sync", "ours, HTTP", "small", "minimal ASGI", 1.7, 20),
            ("… CPU of both ends", "ours, HTTP", "small, CPU", "minimal ASGI", None, None),
            ("… on any core", "ours, HTTP", "small, any core", "minimal ASGI", None, None),
            ("… 10 KB", "ours, HTTP", "10 KB", "minimal ASGI", None, None),
            ("… 1 MB", "ours, HTTP", "1 MB", "minimal ASGI", None, None),
            ("… 64 threads", "ours, HTTP", "64 in flight", "minimal ASGI", None, None),
            ("HTTP, async", "ours, HTTP, async", "small", "minimal ASGI, async", None, None),
            (
                "… 64 in flight",
                "ours, HTTP, async",
                "64 in flight",
                "minimal ASGI, async",
                None,
                15,
            ),
            ("HTTP, cold start", "ours, HTTP", "cold start", "minimal ASGI", None, None),
            ("HTTP, memory", "ours, HTTP", "memory", "minimal ASGI", None, None),
        )
    ),
)


def ratios_table(rounds: Iterable[Round]) -> list[str]:
    """Return the lines of the table: medians over the rounds, the extremes in brackets."""
    rounds = list(rounds)
    lines = [
        "| what | ours | ours ÷ floor | SDK ÷ ours | FastMCP ÷ ours |",
        "|---|---|---|---|---|",
    ]
    for row in COMPARISONS:
        if row.side not in rounds[0]:
            continue
        costs = [one[row.side][row.figure] for one in rounds]
        cells = [
            row.title,
            _absolute(row.figure, costs, row.ceiling),
            _ratio(rounds, row.figure, row.side, row.floor, most=row.at_most) if row.floor else "",
            _ratio(rounds, row.figure, row.sdk, row.side, least=row.at_least),
            _ratio(rounds, row.figure, row.fast, row.side),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def figures_table(rounds: Iterable[Round]) -> list[str]:
    """Return the lines of a table of what was measured: medians over the rounds."""
    rounds = list(rounds)
    names = list(dict.fromkeys(name for side in rounds[0].values() for name in side))
    lines = [f"| side | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for side, figures in rounds[0].items():
        cells = [
            _amount(name, median(one[side][name] for one in rounds)) if name in figures else ""
            for name in names
        ]
        lines.append(f"| {side} | {' | '.join(cells)} |")
    return lines


def _ratio(
    rounds: list[Round],
    figure: str,
    upper: str,
    lower: str,
    *,
    most: float | None = None,
    least: float | None = None,
) -> str:
    ratios = sorted(one[upper][figure] / one[lower][figure] for one in rounds)
    middle = median(ratios)
    text = f"{middle:.3g}"
    if len(ratios) > 1:
        text += f" ({ratios[0]:.3g} to {ratios[-1]:.3g})"
    if most is not None:
        text += _verdict(middle <= most, f"≤ {most:g}")
    if least is not None:
        text += _verdict(middle >= least, f"≥ {least:g}")
    return text


def _absolute(figure: str, costs: list[float], ceiling: float | None) -> str:
    cost = median(costs)
    text = _amount(figure, cost)
    if ceiling is None:
        return text
    return text + _verdict(cost <= ceiling, f"≤ {_amount(figure, ceiling)}")


def _amount(figure: str, cost: float) -> str:
    if "memory" in figure:
        return f"{cost / _MEGABYTE:.1f} MB"
    if cost >= 1:
        return f"{cost:.3g} s"
    return f"{cost * 1e6:.3g} µs" if cost < 1e-3 else f"{cost * 1e3:.3g} ms"


def _verdict(reached: bool, aim: str) -> str:  # noqa: FBT001
    return f", {aim}" if reached else f", **missed {aim}**"
