"""Proof that a plugin is sound: for the tests of its project, and for `scaffold test`.

Four suites of checks: the contract of every runtime (dagstack ADR-0003), parity between runtimes,
hygiene of the process, and behaviour under faults. `suites.CHECKS` is the table of all of them.
"""

from scaffold.testing._plugin.runtimes import assert_alike, every_runtime

__all__ = ["assert_alike", "every_runtime"]
