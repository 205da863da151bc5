"""Every import contract of `pyproject.toml` is broken once, to see that `lint-imports` reports it.

A copy of the package gets one forbidden import for each contract. One run of `lint-imports` then
has to name each of those imports under its contract. In addition, each boundary between two
neighbouring layers is crossed in the import graph.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from copy import deepcopy
from itertools import chain, pairwise
from pathlib import Path

import grimp
import importlinter.configuration
import pytest
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract

ROOT = Path(__file__).parents[2]
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = {contract["name"]: contract for contract in LINTER["contracts"]}
SESSION = {**LINTER, "root_packages": [LINTER["root_package"]]}
TYPES = {"layers": LayersContract, "forbidden": ForbiddenContract}

VIOLATIONS = {
    "The runtime is layered: contract, protocol and manifest, server and client, host, testing": (
        "scaffold.server",
        "scaffold.host",
    ),
    "The tools are layered: generator, project, command line": (
        "scaffold.generator",
        "scaffold._project",
    ),
    "The rooms of the contract are layered": (
        "scaffold.contract._json",
        "scaffold.contract._hooks",
    ),
    "The rooms of the client are layered": (
        "scaffold.client._process",
        "scaffold.client._stdio",
    ),
    "The rooms of the stdio client are layered": (
        "scaffold.client._stdio.connection",
        "scaffold.client._stdio.restart_policy",
    ),
    "The rooms of the HTTP client are layered": (
        "scaffold.client._http.transport",
        "scaffold.client._http.http11",
    ),
    "The rooms of the server are layered": (
        "scaffold.server._protocol",
        "scaffold.server._stdio",
    ),
    "The rooms of the HTTP server are layered": (
        "scaffold.server._http.http_exchange",
        "scaffold.server._http.app",
    ),
    "The rooms of the host are layered": (
        "scaffold.host._registry",
        "scaffold.host._lifecycle",
    ),
    "The rooms of the tests for plugins are layered": (
        "scaffold.testing._plugin",
        "scaffold.testing._checks",
    ),
    "The rooms of the generator are layered": (
        "scaffold.generator._schema",
        "scaffold.generator._emit",
    ),
    "The rooms of the schema compiler are layered": (
        "scaffold.generator._schema.dialects",
        "scaffold.generator._schema.types",
    ),
    "The rooms of the emitters are layered": (
        "scaffold.generator._emit.write_json",
        "scaffold.generator._emit.markdown",
    ),
    "The rooms of the comparison are layered": (
        "scaffold.generator._compare.subset",
        "scaffold.generator._compare.payloads",
    ),
    "The rooms of the project are layered": (
        "scaffold._project.files",
        "scaffold._project.git",
    ),
    "The rooms of the command line are layered": (
        "scaffold._cli.reporting",
        "scaffold._cli.commands",
    ),
    "The runtime knows nothing of the generator": ("scaffold.testing", "scaffold.generator"),
    "Of the tools, one module starts git, one calls copier, and nothing unpacks archives": (
        "scaffold._project.files",
        "tarfile",
    ),
    "The generator runs no plugin": ("scaffold.generator._compile", "scaffold.manifest"),
    "One module makes validators: they fetch nothing, and patterns end": (
        "scaffold.contract._validation",
        "jsonschema_rs",
    ),
}
"""For each contract, a module and what it must not import."""

EXHAUSTIVE = sorted(
    chain.from_iterable(c["containers"] for c in CONTRACTS.values() if c.get("exhaustive"))
)


def packages_without_order():
    """The packages that no contract of layers puts in an order; kinds are alike."""
    layers = {
        f"{container}.{name.strip()}".lstrip(".")
        for contract in CONTRACTS.values()
        for container in contract.get("containers", [""])
        for layer in contract.get("layers", [])
        for name in layer.split("|")
    }
    for path in sorted((ROOT / "scaffold").rglob("*/__init__.py")):
        room = ".".join(path.parent.relative_to(ROOT).parts)
        if room not in layers and not room.startswith("scaffold.kinds."):
            yield room


def copy_of_the_package(folder):
    """Copy the sources and the contracts, to be broken."""
    shutil.copytree(ROOT / "scaffold", folder / "scaffold", ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def file_of(folder, module):
    path = folder.joinpath(*module.split("."))
    file = path.with_suffix(".py")
    return file if file.exists() else path / "__init__.py"


def lint_imports(folder):
    """Run `lint-imports`, and return its exit status and its output."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def sections(report):
    """Split a report into the parts below each heading."""
    lines = report.splitlines()
    headings = [
        number
        for number, (line, rule) in enumerate(pairwise(lines))
        if line in CONTRACTS and set(rule) == {"-"}
    ]
    return {
        lines[start]: lines[start + 2 : end] for start, end in pairwise([*headings, len(lines)])
    }


@pytest.fixture(scope="module")
def broken_contracts(tmp_path_factory):
    """The report of one run, on a copy in which each contract is broken."""
    folder = copy_of_the_package(tmp_path_factory.mktemp("broken"))
    for module, imported in VIOLATIONS.values():
        with file_of(folder, module).open("a") as source:
            source.write(f"import {imported}\n")
    status, report = lint_imports(folder)
    assert status == 1
    return sections(report)


@pytest.fixture(scope="module")
def without_places(tmp_path_factory):
    """The report of one run, on a copy with a new room in each package that lists its rooms."""
    folder = copy_of_the_package(tmp_path_factory.mktemp("unplaced"))
    for container in EXHAUSTIVE:
        room = folder.joinpath(*container.split("."), "_new_room")
        room.mkdir()
        (room / "__init__.py").write_text('"""A room without a place."""\n')
    status, report = lint_imports(folder)
    assert status == 1
    return sections(report)


@pytest.fixture(scope="module")
def imports():
    """The imports of the package as they are."""
    importlinter.configuration.configure()
    return grimp.build_graph("scaffold", include_external_packages=True, cache_dir=None)


def test_every_contract_has_a_violation():
    assert sorted(VIOLATIONS) == sorted(CONTRACTS)


def test_every_package_has_a_place_in_an_order():
    assert list(packages_without_order()) == []


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_reports_an_import_that_breaks_it(name, broken_contracts):
    module, imported = VIOLATIONS[name]
    assert any(f"{module} -> {imported} (l." in line for line in broken_contracts[name])


@pytest.mark.parametrize("container", EXHAUSTIVE)
def test_a_new_room_needs_a_place_in_the_order(container, without_places):
    (name,) = [n for n, c in CONTRACTS.items() if c.get("containers") == [container]]
    assert f"- {container}._new_room" in without_places[name]


def boundaries(contract):
    """Yield each forbidden import across a boundary: what imports, and what is imported."""
    if contract["type"] == "forbidden":
        for importer in contract["source_modules"]:
            yield from ((importer, imported) for imported in contract["forbidden_modules"])
        return
    for container in contract.get("containers", [""]):
        layers = [
            [f"{container}.{name.strip()}".lstrip(".") for name in layer.split("|")]
            for layer in contract["layers"]
        ]
        for upper, lower in pairwise(layers):
            yield from ((importer, imported) for importer in lower for imported in upper)
        for neighbours in layers:
            yield from ((a, b) for a in neighbours for b in neighbours if a != b)


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_forbids_each_import_across_its_boundaries(name, imports):
    options = CONTRACTS[name]
    texts = {key: str(value) if value is True else value for key, value in options.items()}
    contract = TYPES[options["type"]](name, session_options=SESSION, contract_options=texts)
    allowed = [
        (importer, imported)
        for importer, imported in boundaries(options)
        if contract.check(with_import(imports, importer, imported), verbose=False).kept
    ]
    assert allowed == []


def with_import(imports, importer, imported):
    """Return a copy of the graph with one import more."""
    changed = deepcopy(imports)
    if imported not in changed.modules:
        changed.add_module(imported, is_squashed=True)
    changed.add_import(importer=importer, imported=imported, line_number=1, line_contents="")
    return changed
