"""The explanation of a refusal: problems, within limits."""

from typing import Final, NamedTuple

from scaffold.contract._errors.problems import (
    MAX_PROBLEM_BYTES,
    MAX_PROBLEMS,
    OmittedProblems,
    Problem,
)
from scaffold.contract._json import Json
from scaffold.contract._validation.explanation_limits import BudgetExhausted, WorkBudget
from scaffold.contract._validation.subschemas import SubschemaValidators
from scaffold.contract._validation.violations import Violation
from scaffold.contract._validation.walk import SchemaWalk

SMALL_PAYLOAD_VALUES: Final = 100
"""If the walk finds nothing, payloads of up to this many values get the validator's own errors.

The walk does not follow a `$dynamicRef` whose target depends on the path to it.
"""


class Explanation(NamedTuple):
    """The first problems of a value, in the order of the schema."""

    problems: list[Problem]
    rest: OmittedProblems
    """The number of further problems."""


def explain(compiled: SubschemaValidators, value: Json, prefix: str = "") -> Explanation:
    """Explain why a schema refuses a value, with bounded work.

    When the budget is used up, the number of further problems is not exact.

    Args:
        compiled: The validators of the schema and its parts.
        value: The refused value.
        prefix: The JSON Pointer to the value in its payload.
    """
    problems: list[Problem] = []
    more, is_exact, room = 0, True, MAX_PROBLEM_BYTES
    budget = WorkBudget(value)
    try:
        for found in SchemaWalk(compiled, budget).all(value):
            if len(problems) == MAX_PROBLEMS or room < 0:
                budget.end_soon()
                more += 1
            else:
                problems.append(problem := found.problem(prefix))
                room -= len(problem.path) + len(problem.message)
    except BudgetExhausted:
        is_exact = False
    except compiled.failures:
        is_exact = False
    if not problems and budget.size(value) <= SMALL_PAYLOAD_VALUES:
        errors = [Violation.of(error) for error in compiled.errors(value)]
        problems = [found.problem(prefix) for found in errors[:MAX_PROBLEMS]]
    return Explanation(
        problems or [Problem(prefix, "schema", _NO_EXPLANATION)], OmittedProblems(more, is_exact)
    )


_NO_EXPLANATION: Final = "the value breaks the schema; the exact problem could not be found"
