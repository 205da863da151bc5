"""The official test suite of JSON Schema 2020-12, through the generated boundary of a plugin."""

import json
import sys

import pytest
from boundary import echo_plugin, generate, passes, same, write_spec
from suite import REMOTES, optional, required

from scaffold.client._stdio.channel import StdioChannel
from scaffold.contract import InvalidInput, Kind
from scaffold.host._in_process.channel import InProcessChannel

REQUIRED = required()
OPTIONAL = optional()

EXCLUDED = {
    "cross-draft": "older drafts are refused, with the dialect that is taken",
    "format-assertion": "`format` is an annotation, whatever a meta-schema says",
}
"""What of the optional part is declared not to be supported, and why."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Makes the kind of one file of the suite: a hook for every group."""
    folder = tmp_path_factory.mktemp("suite")
    kinds = {}

    def make(keyword, groups, part="required"):
        name = "".join(letter for letter in keyword.lower() if letter.isalnum()) + f"_{part}"
        if name not in kinds:
            schemas = {group.hook: group.schema for group in groups}
            remotes = {"http://localhost:1234/": REMOTES}
            spec = write_spec(folder / "specs" / name, name, schemas, remotes=remotes)
            kinds[name] = generate(spec, folder / "bindings")
        return kinds[name], folder / "bindings"

    return make


def disagreements(kind, groups):
    return [
        f"{group.description}: {case.description}"
        for group in groups
        for case in group.cases
        if passes(kind.hooks[group.hook].input, case.text) is not case.valid
    ]


def calls(channel, kind, groups):
    """Call every hook of a plugin with every instance; return where it disagrees."""
    untyped = Kind.from_contract(kind.contract)
    found = []
    for group in groups:
        call = channel.bind(untyped.hooks[group.hook])
        for case in group.cases:
            value = json.loads(case.text)
            empty = untyped.hooks[group.hook].input.python_type is None
            try:
                answer = call(None if empty and value == {} else value)
            except InvalidInput:
                agrees = not case.valid
            else:
                agrees = case.valid and same({} if empty else answer, value)
            if not agrees:
                found.append(f"{group.description}: {case.description}")
    return found


def test_the_suite_is_complete():
    groups = [group for groups in REQUIRED.values() for group in groups]
    assert len(groups) == 383
    assert sum(len(group.cases) for group in groups) == 1299


@pytest.mark.parametrize("keyword", REQUIRED)
def test_what_the_suite_allows_passes_unchanged_and_what_it_forbids_does_not(made, keyword):
    kind, _ = made(keyword, REQUIRED[keyword])
    assert disagreements(kind, REQUIRED[keyword]) == []


@pytest.mark.parametrize("keyword", sorted(OPTIONAL.keys() - EXCLUDED.keys()))
def test_what_the_suite_leaves_optional_holds_too(made, keyword):
    kind, _ = made(keyword, OPTIONAL[keyword], "optional")
    assert disagreements(kind, OPTIONAL[keyword]) == []


@pytest.mark.parametrize("keyword", REQUIRED)
def test_a_plugin_in_process_gives_back_what_it_may_get_and_sees_nothing_else(made, keyword):
    kind, bindings = made(keyword, REQUIRED[keyword])
    channel = InProcessChannel(echo_plugin(kind, bindings))
    assert calls(channel, kind, REQUIRED[keyword]) == []
    channel.close()


@pytest.mark.parametrize("keyword", ["const", "enum", "ref", "type", "unevaluatedProperties"])
def test_a_plugin_behind_pipes_does_the_same(made, keyword):
    kind, bindings = made(keyword, REQUIRED[keyword])
    entry_point = f"echo_{kind.name}:Echo"
    command = [sys.executable, "-m", "scaffold.server", entry_point, "--name", "echo"]
    channel = StdioChannel(command, kind=kind, plugin="echo", cwd=bindings)
    try:
        assert calls(channel, kind, REQUIRED[keyword]) == []
    finally:
        channel.close()
