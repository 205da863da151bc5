"""What is wrong with a value, as far as it is told."""

from typing import Final, NamedTuple

from scaffold.contract._errors.errors import MOST_BYTES, MOST_PROBLEMS, Problem, Rest
from scaffold.contract._json.types import Json
from scaffold.contract._validation.budget import Budget, SpentError
from scaffold.contract._validation.problems import Found
from scaffold.contract._validation.subschemas import Compiled
from scaffold.contract._validation.walk import Walk

__all__ = ["Explanation", "explain"]


SMALL: Final = 100
"""Values of a payload about which the validator itself is asked if the walk finds nothing.

The walk does not follow `$dynamicRef` if what it leads to depends on the way to it.
"""


class Explanation(NamedTuple):
    """The first problems of a value, in the order in which the schema finds them."""

    problems: list[Problem]
    rest: Rest
    """How many more there are."""


def explain(compiled: Compiled, value: Json, prefix: str = "") -> Explanation:
    """Explain why a schema refuses a value; `prefix` is the pointer to it in its payload.

    The work is bounded: when the budget is spent, the rest is told of as such.
    """
    problems: list[Problem] = []
    more, is_exact, room = 0, True, MOST_BYTES
    budget = Budget(value)
    try:
        for found in Walk(compiled, budget).all(value):
            if len(problems) == MOST_PROBLEMS or room < 0:
                budget.end_soon()
                more += 1
            else:
                problems.append(problem := found.problem(prefix))
                room -= len(problem.path) + len(problem.message)
    except SpentError:
        is_exact = False
    except compiled.failures:
        is_exact = False
    if not problems and budget.size(value) <= SMALL:
        errors = [Found.of(error) for error in compiled.errors(value)]
        problems = [found.problem(prefix) for found in errors[:MOST_PROBLEMS]]
    return Explanation(problems or [Problem(prefix, "schema", _UNTOLD)], Rest(more, is_exact))


_UNTOLD: Final = "the value breaks the schema; what exactly could not be told"
