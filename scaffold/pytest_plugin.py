"""`pytest --scaffold DIR`: every check of `scaffold test` as a test of its own.

Without the option, or `scaffold = DIR` in pytest's configuration, it does nothing and imports
nothing of scaffold.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from scaffold.testing._checks.check import Check
    from scaffold.testing._plugin.plugin_under_test import PluginUnderTest

__all__ = ["CheckItem", "pytest_addoption", "pytest_collection_modifyitems"]

_HELP = "the folder of a plugin to try with the checks of 'scaffold test'"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the option and its twin in the configuration file."""
    parser.getgroup("scaffold").addoption("--scaffold", metavar="DIR", help=_HELP)
    parser.addini("scaffold", _HELP, default="")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the checks to the tests, before `-k` and `-m` choose among them."""
    folder = _folder(config)
    if folder is None:
        return
    from scaffold._cli.commands.test import subject_in
    from scaffold.contract._errors.errors import PluginError
    from scaffold.testing._suites import CHECKS

    try:
        subject = subject_in(folder)
    except PluginError as error:
        raise pytest.UsageError(str(error)) from None
    make: Any = CheckItem  # pytest leaves the type of `from_parent` open
    for check in CHECKS:
        item = make.from_parent(session, name=f"{check.suite}/{check.name}")
        item.check, item.subject = check, subject
        items.append(item)


def _folder(config: pytest.Config) -> Path | None:
    given: str | None = config.getoption("--scaffold")
    if given is not None:
        return config.invocation_params.dir / given
    written: str = config.getini("scaffold")
    return config.rootpath / written if written else None


class CheckItem(pytest.Item):
    """One check of one plugin."""

    check: "Check"
    subject: "PluginUnderTest"

    def runtest(self) -> None:
        """Carry the check out; skip it where it has nothing to say."""
        from scaffold.testing._suites import run_check

        result = run_check(self.check, self.subject)
        if result.outcome == "skipped":
            pytest.skip(result.skipped)
        if result.outcome != "ok":
            pytest.fail(str(result), pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Say where the check belongs to: the plugin's manifest."""
        return self.subject.manifest.file, None, self.name
