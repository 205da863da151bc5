"""The table of all checks, and how a check is run."""

import sys
from collections.abc import Collection, Iterator
from contextlib import redirect_stdout
from typing import Final

from scaffold.contract._errors.errors import ScaffoldError
from scaffold.testing._checks import contract_checks, fault_checks, parity_checks, process_checks
from scaffold.testing._checks.check import Check, Result, Suite
from scaffold.testing._plugin.plugin_under_test import NotApplicable, PluginUnderTest

CHECKS: Final = (
    *contract_checks.CHECKS,
    *parity_checks.CHECKS,
    *process_checks.CHECKS,
    *fault_checks.CHECKS,
)
"""All checks, in the order in which they run."""


def checks_of(suites: Collection[Suite]) -> Iterator[Check]:
    """Yield the checks of some suites, or of all if none is given."""
    yield from (check for check in CHECKS if not suites or check.suite in suites)


def run_check(check: Check, subject: PluginUnderTest) -> Result:
    """Run a check on a plugin. Output that the plugin prints in this process goes to stderr."""
    try:
        with redirect_stdout(sys.stderr):
            return Result(check, tuple(check.look(subject)))
    except NotApplicable as reason:
        return Result(check, skipped=str(reason))
    except ScaffoldError as error:
        return Result(check, failed=str(error))
