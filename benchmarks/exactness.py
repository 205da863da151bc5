"""The official JSON Schema test suite, keyword by keyword: our boundary, and models alone.

    python -m benchmarks.exactness > benchmarks/exactness.md

A test agrees if its instance is accepted or refused as the suite says, and comes out as it went in.
A group that cannot be generated agrees with nothing. Models alone are datamodel-code-generator's,
with strict types and constraints, one group at a time.
"""

import json
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "integration" / "exactness"))

from boundary import generate, passes, same, write_spec
from suite import REMOTES, required

Guard: TypeAlias = Callable[[str], bool]
"""Tells whether a text is accepted; raises if it comes out as something else."""

SECONDS = 20
"""What one group may take; a generator may not come back."""


def ours(groups: list[Any], keyword: str, folder: Path) -> dict[str, Callable[[], Guard]]:
    """Generate one kind of a keyword's groups, a hook for each."""
    name = "".join(filter(str.isalnum, keyword.lower())) + "_bench"
    schemas = {group.hook: group.schema for group in groups}
    remotes = {"http://localhost:1234/": REMOTES}
    spec = write_spec(folder / "specs" / name, name, schemas, remotes=remotes)
    kind = generate(spec, folder / "bindings")

    def guard(hook: str) -> Guard:
        return lambda text: passes(kind.hooks[hook].input, text)

    return {hook: lambda hook=hook: guard(hook) for hook in schemas}


def models_alone(groups: list[Any], _keyword: str, _folder: Path) -> dict[str, Callable[[], Guard]]:
    """Generate models for every group."""
    return {group.hook: lambda schema=group.schema: _models(schema) for group in groups}


def _models(schema: Any) -> Guard:
    from datamodel_code_generator import generate as generate_models
    from datamodel_code_generator.config import GenerateConfig
    from datamodel_code_generator.enums import DataModelType, InputFileType
    from datamodel_code_generator.parser import LiteralType
    from datamodel_code_generator.types import StrictTypes
    from pydantic import TypeAdapter, ValidationError

    config = GenerateConfig(
        input_file_type=InputFileType.JsonSchema,
        output_model_type=DataModelType.PydanticV2BaseModel,
        class_name="Payload",
        strict_types=list(StrictTypes),
        enum_field_as_literal=LiteralType.All,
        field_constraints=True,
        use_annotated=True,
        allow_remote_refs=False,
        formatters=[],
    )
    module = ModuleType("models")
    sys.modules[module.__name__] = module  # where its forward references are looked up
    exec(str(generate_models(json.dumps(schema), config=config)), vars(module))
    adapter: TypeAdapter[Any] = TypeAdapter(module.Payload)

    def guard(text: str) -> bool:
        try:
            value = adapter.validate_json(text)
        except ValidationError:
            return False
        written = adapter.dump_json(value, by_alias=True, exclude_unset=True)
        assert same(json.loads(written), json.loads(text))
        return True

    return guard


def agreements(groups: list[Any], guards: dict[str, Callable[[], Guard]]) -> int:
    """Count the tests that come out as the suite says."""
    count = 0
    for group in groups:
        signal.alarm(SECONDS)
        try:
            guard = guards[group.hook]()
        except Exception:  # noqa: BLE001 - whatever it is, there is no boundary
            continue
        finally:
            signal.alarm(0)
        count += sum(_agrees(guard, case) for case in group.cases)
    return count


def _agrees(guard: Guard, case: Any) -> bool:
    try:
        return guard(case.text) is case.valid
    except Exception:  # noqa: BLE001 - whatever it is, it is no agreement
        return False


def _give_up(*_: object) -> None:
    raise TimeoutError


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _give_up)
    sums: Counter[str] = Counter()
    print("# Agreement with the official test suite, draft 2020-12\n")
    print("Made by `python -m benchmarks.exactness`.\n")
    print("| keyword | tests | scaffold | datamodel-code-generator alone |")
    print("|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for keyword, groups in required().items():
            row = Counter(tests=sum(len(group.cases) for group in groups))
            for side in (ours, models_alone):
                row[side.__name__] = agreements(groups, side(groups, keyword, Path(folder)))
            sums += row
            print(f"| {keyword} | {row['tests']} | {row['ours']} | {row['models_alone']} |")
    percent = {side: 100 * sums[side] / sums["tests"] for side in ("ours", "models_alone")}
    print(
        f"| **all** | **{sums['tests']}** | **{sums['ours']}** ({percent['ours']:.1f} %) "
        f"| **{sums['models_alone']}** ({percent['models_alone']:.1f} %) |"
    )


if __name__ == "__main__":
    main()
