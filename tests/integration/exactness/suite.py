"""The JSON Schema Test Suite, draft 2020-12: its groups, as hooks of generated kinds."""

import json
from dataclasses import dataclass
from pathlib import Path

__all__ = ["REMOTES", "optional", "required"]

FOLDER = Path(__file__).with_name("json-schema-test-suite")
DRAFT = FOLDER / "tests" / "draft2020-12"
REMOTES = FOLDER / "remotes"


@dataclass(frozen=True)
class Case:
    """An instance, and whether the group's schema allows it."""

    description: str
    text: str
    valid: bool


@dataclass(frozen=True)
class Group:
    """A schema and its cases."""

    hook: str
    description: str
    schema: object
    cases: tuple[Case, ...]


def required():
    """Return the mandatory groups by the name of their file."""
    return {path.stem: _groups(path) for path in sorted(DRAFT.glob("*.json"))}


def optional():
    """Return the groups that an implementation may leave out, those of `format` excepted."""
    return {path.stem: _groups(path) for path in sorted((DRAFT / "optional").glob("*.json"))}


def _groups(path):
    return [
        Group(
            hook=f"group_{number}",
            description=group["description"],
            schema=group["schema"],
            cases=tuple(
                Case(case["description"], json.dumps(case["data"]), case["valid"])
                for case in group["tests"]
            ),
        )
        for number, group in enumerate(json.loads(path.read_text("utf-8")), 1)
    ]
