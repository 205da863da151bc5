"""The problems that refusals of the official test suite tell of, word for word.

After an intended change of the wording, run this file with `UPDATE_WORDING=1` in the environment,
and read the difference of `wording.json`.
"""

import json
import os
from pathlib import Path

import pytest
from suite import required

from scaffold.contract._validation.validator import CompiledSchema

GOLDEN = Path(__file__).with_name("wording.json")
ELSEWHERE = {"refRemote", "vocabulary"}
"""Files of the suite whose schemas refer to other documents."""

GROUPS = {name: groups for name, groups in required().items() if name not in ELSEWHERE}


def leads_out(schema):
    """Tell whether a schema refers to another document, or is in a draft of its own."""
    return "localhost:1234" in json.dumps(schema)


def told(groups):
    """Return the problems of each instance that is refused: path, rule and message."""
    return {
        f"{group.description}: {case.description}": [
            [problem.path, problem.rule, problem.message]
            for problem in CompiledSchema(group.schema).explain(json.loads(case.text)).problems
        ]
        for group in groups
        if not leads_out(group.schema)
        for case in group.cases
        if not case.valid
    }


@pytest.fixture(scope="module")
def golden():
    if os.environ.get("UPDATE_WORDING"):
        every = {name: told(groups) for name, groups in GROUPS.items()}
        GOLDEN.write_text(json.dumps(every, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", GROUPS)
def test_a_refusal_is_worded_as_before(golden, name):
    assert told(GROUPS[name]) == golden[name]


def test_every_refusal_tells_of_a_problem(golden):
    refusals = [problems for file in golden.values() for problems in file.values()]
    assert len(refusals) > 300
    assert all(refusals)
