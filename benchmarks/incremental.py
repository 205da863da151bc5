"""Repositories of 100 hooks: what `scaffold generate` costs after the first time.

    python -m benchmarks.incremental [ROUNDS]

One repository has them in one kind, the other in 100 kinds. Runs take turns, each a process of its
own: with nothing changed, with one hook changed, and for comparison everything from nothing. The
floor is bare Python that imports typer and runs a command of it. What counts is the time that the
processor was at work, which other work on the machine disturbs least: the median of it, and what is
beyond the floor. It also holds the unchanged run to writing nothing: no file, no modification time.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.rounds import rounds

HOOKS = 100
REACH = {"nothing changed": 0.060, "one hook changed": 0.3}
"""Seconds beyond the floor."""
FLOOR = """
import typer
app = typer.Typer(rich_markup_mode=None, add_completion=False)
@app.command()
def one(times: int = 1): ...
app([])
"""
SETTINGS = '[tool.scaffold]\nhookspecs = "hookspecs"\n' + "".join(
    f'[[tool.scaffold.targets]]\nemitter = "{emitter}"\nout = "out/{emitter}"\n'
    for emitter in ("python", "openrpc", "markdown")
)


def payload(number: int) -> dict[str, Any]:
    return {
        "type": "object",
        "description": f"What hook {number} takes, and what it answers.",
        "required": ["name", "place"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "minLength": 1, "description": "The name of the thing."},
            "count": {"type": "integer", "minimum": 0, "default": number},
            "labels": {"type": "array", "items": {"type": "string"}},
            "state": {"enum": ["new", "running", "done"]},
            "note": {"type": ["string", "null"]},
            "place": {
                "type": "object",
                "required": ["x", "y"],
                "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
            },
        },
    }


def lay(root: Path, *, kinds: int) -> None:
    """Make a repository with `HOOKS` hooks, in one kind or in many."""
    for number in range(kinds):
        folder = root / "hookspecs" / f"kind_{number}"
        (folder / "schemas").mkdir(parents=True)
        hooks = [_hook(folder, each) for each in range(HOOKS // kinds)]
        kind = {"kind": f"kind_{number}", "kind_api_version": "1.0.0", "description": "Big."}
        text = json.dumps({**kind, "hooks": hooks})  # JSON is YAML
        (folder / "v1.yaml").write_text(text)
    (root / "pyproject.toml").write_text(SETTINGS)


def _hook(folder: Path, number: int) -> dict[str, str]:
    hook = {"name": f"hook_{number}", "dispatch": "singleton", "description": "Do it."}
    for side in ("input", "output"):
        hook[f"{side}_schema"] = name = f"schemas/hook_{number}.{side}.json"
        (folder / name).write_text(json.dumps(payload(number)))
    return hook


def change(root: Path, number: int) -> None:
    """Give the input of one hook another property."""
    path = root / "hookspecs" / "kind_0" / "schemas" / "hook_0.input.json"
    schema = payload(0)
    schema["properties"][f"more_{number}"] = {"type": "integer"}
    path.write_text(json.dumps(schema))


def seconds(*command: str, **env: str) -> float:
    start = getrusage(RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *command], check=True, capture_output=True, env={**os.environ, **env}
    )
    end = getrusage(RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime


def states(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in root.rglob("*")}


def main(rounds_made: int) -> int:
    taken: dict[str, list[float]] = {}
    with TemporaryDirectory() as name:
        roots = {kinds: Path(name, f"{kinds}") for kinds in (1, HOOKS)}
        for kinds, root in roots.items():
            lay(root, kinds=kinds)
            generate(root, Path(name, "cache"))
        for number in range(rounds_made):
            taken.setdefault("floor", []).append(seconds("-c", FLOOR))
            for kinds, root in roots.items():
                where = "one kind" if kinds == 1 else f"{kinds} kinds"
                before = states(root)
                unchanged = generate(root, Path(name, "cache"))
                assert states(root) == before, "something was written"
                change(root, number)
                changed = generate(root, Path(name, "cache"))
                everything = generate(root, Path(name, f"empty {number} {kinds}"))
                for what, value in (
                    (f"{where}, nothing changed", unchanged),
                    (f"{where}, one hook changed", changed),
                    (f"{where}, from nothing", everything),
                ):
                    taken.setdefault(what, []).append(value)
    floor = median(taken["floor"])
    missed = False
    for what, times in taken.items():
        beyond = median(times) - floor
        reach = REACH.get(what.partition(", ")[2])
        missed |= reach is not None and beyond > reach
        told = f" (reach {reach * 1000:.0f})" if reach else ""
        whole = median(times) * 1000
        print(f"{what:<28} {whole:6.0f} ms, beyond the floor {beyond * 1000:5.0f}{told}")
    return int(rounds_made > 1 and missed)


def generate(root: Path, cache: Path) -> float:
    return seconds("-m", "scaffold", "generate", str(root), XDG_CACHE_HOME=str(cache))


if __name__ == "__main__":
    sys.exit(main(rounds(5, __doc__)))
