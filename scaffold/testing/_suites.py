"""All checks, and the carrying out of them."""

import sys
from collections.abc import Collection, Iterator
from contextlib import redirect_stdout
from typing import Final

from scaffold.contract._errors.errors import ScaffoldError
from scaffold.testing._checks import contract_checks, fault_checks, parity_checks, process_checks
from scaffold.testing._checks.check import Check, Result, Suite
from scaffold.testing._plugin.plugin_under_test import NotApplicable, PluginUnderTest

__all__ = ["CHECKS", "checks_of", "run_check"]

CHECKS: Final = (
    *contract_checks.CHECKS,
    *parity_checks.CHECKS,
    *process_checks.CHECKS,
    *fault_checks.CHECKS,
)
"""Every check there is, in the order in which they are carried out."""


def checks_of(suites: Collection[Suite]) -> Iterator[Check]:
    """Yield the checks of some suites; of all if none is named."""
    yield from (check for check in CHECKS if not suites or check.suite in suites)


def run_check(check: Check, subject: PluginUnderTest) -> Result:
    """Try a plugin; what it prints in this process goes to stderr."""
    try:
        with redirect_stdout(sys.stderr):
            return Result(check, tuple(check.look(subject)))
    except NotApplicable as why:
        return Result(check, skipped=str(why))
    except ScaffoldError as error:
        return Result(check, failed=str(error))
