"""A repository with a kind of 100 hooks: what `scaffold generate` costs after the first time.

    python benchmarks/incremental.py [ROUNDS]

Three runs take turns, each a process of its own: with nothing changed, with one hook changed, and
for comparison everything from nothing. The floor is bare Python that imports typer and runs a
command of it. Medians count. It also holds the unchanged run to writing nothing: no file, no
modification time.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

HOOKS = 100
UNCHANGED, CHANGED = 0.060, 0.3
"""Seconds to reach, the first beyond the floor."""
FLOOR = """
import typer
app = typer.Typer(rich_markup_mode=None, add_completion=False)
@app.command()
def one(): ...
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


def lay(root: Path) -> None:
    folder = root / "hookspecs" / "big"
    (folder / "schemas").mkdir(parents=True)
    hooks = []
    for number in range(HOOKS):
        hooks.append({"name": f"hook_{number}", "dispatch": "singleton", "description": "Do it."})
        for side in ("input", "output"):
            name = f"schemas/hook_{number}.{side}.json"
            (folder / name).write_text(json.dumps(payload(number)))
            hooks[-1][f"{side}_schema"] = name
    kind = {"kind": "big", "kind_api_version": "1.0.0", "description": "Big.", "hooks": hooks}
    (folder / "v1.yaml").write_text(json.dumps(kind))  # JSON is YAML
    (root / "pyproject.toml").write_text(SETTINGS)


def change(root: Path, number: int) -> None:
    """Give the input of one hook another property."""
    path = root / "hookspecs" / "big" / "schemas" / "hook_7.input.json"
    schema = payload(7)
    schema["properties"][f"more_{number}"] = {"type": "integer"}
    path.write_text(json.dumps(schema))


def seconds(*command: str, **env: str) -> float:
    start = perf_counter()
    subprocess.run(
        [sys.executable, *command], check=True, capture_output=True, env={**os.environ, **env}
    )
    return perf_counter() - start


def states(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in root.rglob("*")}


def main(rounds: int) -> int:
    taken: dict[str, list[float]] = {"floor": [], "unchanged": [], "changed": [], "all": []}
    with TemporaryDirectory() as name:
        root, cache = Path(name, "project"), Path(name, "cache")
        root.mkdir()
        lay(root)
        generate = ("-m", "scaffold", "generate", str(root))
        seconds(*generate, XDG_CACHE_HOME=str(cache))
        for number in range(rounds):
            taken["floor"].append(seconds("-c", FLOOR))
            before = states(root)
            taken["unchanged"].append(seconds(*generate, XDG_CACHE_HOME=str(cache)))
            assert states(root) == before, "something was written"
            change(root, number)
            taken["changed"].append(seconds(*generate, XDG_CACHE_HOME=str(cache)))
            taken["all"].append(seconds(*generate, XDG_CACHE_HOME=str(Path(name, str(number)))))
    medians = {what: median(times) for what, times in taken.items()}
    for what, value in medians.items():
        print(f"{what:<10} {value * 1000:7.1f} ms  {value / medians['floor']:5.2f} x the floor")
    beyond = medians["unchanged"] - medians["floor"]
    print(f"unchanged, beyond the floor: {beyond * 1000:.1f} ms (reach {UNCHANGED * 1000:.0f})")
    changed = medians["changed"]
    print(f"one hook of {HOOKS} changed: {changed * 1000:.0f} ms (reach {CHANGED * 1000:.0f})")
    return int(beyond > UNCHANGED or medians["changed"] > CHANGED)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 5))
