"""A kind of 100 hooks: all our files, against one call of datamodel-code-generator.

The peer gets the same payload schemas, combined into one document, in the settings that come
nearest to ours; it writes models and nothing else. Each side runs in a process of its own, in
turns, without looking for garbage, and the medians of the processor's time are compared. Importing
counts on both sides. Then ours alone with ten times as many hooks, which should take ten times as
long.

    python -m benchmarks.generate [ROUNDS]
"""

import gc
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from benchmarks.rounds import rounds

HOOKS, MANY = 100, 1000
TARGET = 1.2
LINEAR = 11.0
"""How many times as long ten times as many hooks may take."""


def payload(number: int, role: str) -> dict[str, Any]:
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
            "place": {"$ref": f"#/$defs/{role}Place{number}"},
        },
        "$defs": {
            f"{role}Place{number}": {
                "type": "object",
                "required": ["x", "y"],
                "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
            }
        },
    }


def write(folder: Path, count: int) -> None:
    hooks: list[dict[str, Any]] = [
        {
            "name": f"hook_{number}",
            "dispatch": "singleton",
            "description": f"Do thing {number}.",
            "input_schema": payload(number, "Input"),
            "output_schema": payload(number, "Output"),
        }
        for number in range(count)
    ]
    kind = {"kind": "big", "kind_api_version": "1.0.0", "description": "Big.", "hooks": hooks}
    # JSON is YAML.
    (folder / "v1.yaml").write_text(json.dumps(kind))
    definitions: dict[str, Any] = {}
    for hook in hooks:
        for role in ("input", "output"):
            schema = dict(hook[f"{role}_schema"])
            definitions |= schema.pop("$defs")
            definitions[f"{hook['name']}_{role}"] = schema
    (folder / "combined.json").write_text(json.dumps({"$defs": definitions}))


def ours(folder: Path) -> int:
    from scaffold.generator import compile_kind
    from scaffold.generator._emit import emit

    kind = compile_kind(folder / "v1.yaml")
    files = emit(kind) | emit(kind, "openrpc") | emit(kind, "markdown")
    return sum(map(len, files.values()))


def peer(folder: Path) -> int:
    from datamodel_code_generator import generate
    from datamodel_code_generator.config import GenerateConfig
    from datamodel_code_generator.enums import DataModelType, InputFileType
    from datamodel_code_generator.format import Formatter

    config = GenerateConfig(
        input_file_type=InputFileType.JsonSchema,
        output_model_type=DataModelType.PydanticV2BaseModel,
        use_annotated=True,
        field_constraints=True,
        formatters=[Formatter.BUILTIN],
    )
    return len(str(generate((folder / "combined.json").read_text(), config=config)))


def measure(side: str, folder: Path) -> tuple[float, float]:
    """Return seconds: of a process that does the work once, and of a second time in it."""
    command = [sys.executable, "-m", "benchmarks.generate", side, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    first, again = map(float, done.stdout.split())
    return first, again


def main(number: int) -> int:
    with TemporaryDirectory() as name:
        folder, large = Path(name, str(HOOKS)), Path(name, str(MANY))
        for each, count in ((folder, HOOKS), (large, MANY)):
            each.mkdir()
            write(each, count)
        taken: dict[str, list[tuple[float, float]]] = {"ours": [], "peer": []}
        many: list[float] = []
        for _ in range(number):
            for side, times in taken.items():
                times.append(measure(side, folder))
            many.append(measure("ours", large)[1])
    ratios: list[float] = []
    for place, what in enumerate(("process", "second run in it")):
        medians = {side: median(time[place] for time in times) for side, times in taken.items()}
        ratios.append(medians["ours"] / medians["peer"])
        listed = ", ".join(f"{side} {seconds * 1000:.0f} ms" for side, seconds in medians.items())
        print(f"{what}: {listed}, ratio {ratios[-1]:.2f} (reach {TARGET})")
    growth = median(many) / median(time[1] for time in taken["ours"])
    print(
        f"{MANY} hooks: {median(many) * 1000:.0f} ms, {growth:.1f} x {HOOKS} (reach {LINEAR:.0f})"
    )
    return int(number > 1 and (ratios[0] > TARGET or growth > LINEAR))


def once(side: str, folder: Path) -> None:
    gc.disable()
    work = {"ours": ours, "peer": peer}[side]
    work(folder)
    first = process_time()
    work(folder)
    print(first, process_time() - first)


if __name__ == "__main__":
    if sys.argv[1:2] in (["ours"], ["peer"]):
        once(sys.argv[1], Path(sys.argv[2]))
    else:
        sys.exit(main(rounds(5, __doc__)))
