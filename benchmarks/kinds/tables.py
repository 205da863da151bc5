"""The tables: medians over the rounds, and ratios that were taken within a round."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from benchmarks.kinds.calls import CALLS
from benchmarks.kinds.measure import Figures

__all__ = ["Round", "in_process_table", "percentiles_table", "wire_table"]

Round = Mapping[str, Figures]
"""Side → row → placement → percentile → seconds."""

_TITLES: Final = [call.title for call in CALLS]


def in_process_table(rounds: Sequence[Round]) -> list[str]:
    """Compare in-process calls with the bare method: medians, on any core."""
    rows = ["direct", "pluggy", "dagstack", "ours, in_process", "ours, in_process, awaited"]
    rows = [side for side in rows if side in rounds[0]]
    lines = _head("hook", *rows, "ours minus direct")
    for title in _TITLES:
        cells = [_amount(_middle(rounds, side, title)) for side in rows]
        added = median(
            _p50(one, "ours, in_process", title) - _p50(one, "direct", title) for one in rounds
        )
        lines.append(_line(title, *cells, _amount(added)))
    return lines


def wire_table(rounds: Sequence[Round], runtime: str) -> list[str]:
    """Compare calls over one wire with those of the peers: medians, on any core and on one."""
    ours, awaited = f"ours, {runtime}", f"ours, {runtime}, awaited"
    lines = _head(
        "hook",
        "ours",
        "awaited",
        *(f"{peer} ÷ ours, {where}" for peer in _PEERS for where in ("any core", "one core")),
    )
    for title in _TITLES:
        if title not in rounds[0][ours]:
            continue
        cells = [_amount(_middle(rounds, side, title)) for side in (ours, awaited)]
        for peer in _PEERS:
            cells += [
                _ratio(rounds, f"{peer}, {runtime}", ours, title, where)
                for where in ("any core", "one core")
            ]
        lines.append(_line(title, *cells))
    return lines


def percentiles_table(rounds: Sequence[Round]) -> list[str]:
    """Show what was measured on any core: 1st, 50th and 99th percentile of each side."""
    lines = _head("hook", "side", "p1", "p50", "p99")
    for title in _TITLES:
        for side, figures in rounds[0].items():
            if title in figures:
                cells = [
                    _amount(median(one[side][title]["any core"][name] for one in rounds))
                    for name in ("p1", "p50", "p99")
                ]
                lines.append(_line(title, side, *cells))
    return lines


_PEERS: Final = ("SDK", "FastMCP")


def _p50(one: Round, side: str, title: str, placement: str = "any core") -> float:
    return one[side][title][placement]["p50"]


def _middle(rounds: Sequence[Round], side: str, title: str) -> float:
    return median(_p50(one, side, title) for one in rounds)


def _ratio(rounds: Sequence[Round], upper: str, lower: str, title: str, placement: str) -> str:
    ratios = sorted(
        _p50(one, upper, title, placement) / _p50(one, lower, title, placement) for one in rounds
    )
    text = f"{median(ratios):.3g} x"
    return text if len(ratios) == 1 else f"{text} ({ratios[0]:.3g} to {ratios[-1]:.3g})"


def _amount(seconds: float) -> str:
    if abs(seconds) < 1e-6:
        return f"{seconds * 1e9:.0f} ns"
    return f"{seconds * 1e6:.3g} µs" if abs(seconds) < 1e-3 else f"{seconds * 1e3:.3g} ms"


def _head(*titles: str) -> list[str]:
    return [_line(*titles), "|---" * len(titles) + "|"]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
