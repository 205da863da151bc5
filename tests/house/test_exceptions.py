"""The exceptions that a caller can catch are exported, and documented with base and code."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import scaffold
from scaffold import contract
from scaffold.contract import HookError, InternalError, ScaffoldError

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
RUNTIME = ["contract", "manifest", "resources", "client", "server", "host"]


def documented():
    section = (ROOT / "docs" / "errors.md").read_text().partition("\n## Exceptions\n")[2]
    return {
        name: (base, code) for name, base, code, _ in ROW.findall(section.partition("\n## ")[0])
    }


def subclasses(base):
    """All subclasses, of the modules that are imported."""
    for direct in base.__subclasses__():
        yield direct
        yield from subclasses(direct)


def of_the_runtime():
    """The exceptions of the runtime, after all of its modules were imported."""
    for name in RUNTIME:
        package = importlib.import_module(f"scaffold.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.split(".")[-1] not in {"__main__", "otel"}:
                importlib.import_module(module.name)
    return {
        found
        for found in {ScaffoldError, *subclasses(ScaffoldError)}
        if found.__module__.split(".")[1] in RUNTIME
    }


def exported():
    return {
        name
        for name in contract.__all__
        if isinstance(getattr(contract, name), type)
        and issubclass(getattr(contract, name), BaseException)
    }


def test_every_code_of_an_exception_belongs_to_one_that_the_contract_exports():
    """A class that is not exported is a detail: its callers cannot tell it from its base."""
    details = [found for found in of_the_runtime() if found.__name__ not in exported()]
    assert [e.__name__ for e in details if e.code != exported_base(e).code] == []
    assert [e.__name__ for e in details if exported_base(e) is ScaffoldError] == []


def test_the_contract_exports_no_exception_of_others():
    assert exported() <= {found.__name__ for found in of_the_runtime()}


def test_every_exported_exception_is_at_the_front_door():
    assert exported() <= set(scaffold.__all__)


def test_every_exported_exception_is_documented():
    assert set(documented()) == exported()


def exported_base(exception):
    return next(
        base for base in exception.__mro__[1:] if base.__name__ in {*exported(), "Exception"}
    )


@pytest.mark.parametrize("name", sorted(exported()))
def test_the_base_class_is_documented(name):
    assert documented()[name][0] == exported_base(getattr(contract, name)).__name__


SAMPLES = {
    "InvalidInput": lambda: contract.InvalidInput("hook", []),
    "InvalidOutput": lambda: contract.InvalidOutput("hook", []),
    "InternalError": lambda: InternalError("failed"),
    "StopChain": lambda: contract.StopChain({}),
}


@pytest.mark.parametrize("name", sorted(exported() - {"HookError"}))
def test_the_code_is_documented(name):
    sample = SAMPLES.get(name, lambda: getattr(contract, name))()
    assert documented()[name][1] == f"`{sample.code}`"


def test_a_hook_error_has_the_code_that_the_plugin_gave_it():
    assert documented()["HookError"][1] == "that of the hook"
    assert HookError("not_found", "no such file").code == "not_found"
