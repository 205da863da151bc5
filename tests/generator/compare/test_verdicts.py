"""The judge, on tables of changes made by hand: `schemas.yaml` and `hooks.yaml`."""

from collections import Counter
from functools import cache

import pytest
from change_tables import DISPATCH, PARTIES, REVERSED, kind_of, rows, with_hooks, with_schema
from instances import instances
from jsonschema_rs import Draft202012Validator

from scaffold.generator._compare.compare_kinds import compare
from scaffold.generator._compare.report import Party

SCHEMAS = rows("schemas.yaml")
HOOKS = rows("hooks.yaml")

HARMED = {
    ("input", "widened"): {"plugins"},
    ("input", "narrowed"): {"hosts"},
    ("input", "changed"): {"hosts", "plugins"},
    ("output", "widened"): {"hosts"},
    ("output", "narrowed"): {"plugins"},
    ("output", "changed"): {"hosts", "plugins"},
}
"""Who breaks when the valid values of a payload change."""


def expected(dispatch, side, means):
    if dispatch == "broadcast_notify" and side == "output":
        return set()
    if dispatch == "chain" and means != "same":
        return {"hosts", "plugins", "chains"}
    return HARMED.get((side, means), set())


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Reports by row, both ways: `False` is from old to new."""

    @cache
    def report(index, backwards):
        row = SCHEMAS[index]
        sides = [row["new"], row["old"]] if backwards else [row["old"], row["new"]]
        folder = tmp_path_factory.mktemp("kinds")
        kinds = [kind_of(folder / str(n), with_schema(schema)) for n, schema in enumerate(sides)]
        return compare(*kinds)

    return report


def verdicts(report, hook):
    """Return the verdict for each party that a hook's findings concern."""
    found = {}
    for finding in report.changes:
        for effect in finding.effects:
            if finding.hook == hook and found.get(effect.party) != "breaking":
                found[effect.party.value] = effect.verdict.value
    return found


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("index", range(len(SCHEMAS)), ids=[row["name"] for row in SCHEMAS])
def test_a_change_of_a_schema_is_judged_for_everyone(reports, index, backwards):
    report = reports(index, backwards)
    means = SCHEMAS[index]["means"]
    means = REVERSED[means] if backwards else means
    for dispatch in DISPATCH:
        for side in ("input", "output"):
            found = verdicts(report, f"{dispatch}_{side}")
            harmed = expected(dispatch, side, means)
            breaking = {party for party, verdict in found.items() if verdict == "breaking"}
            unknown = found.keys() - breaking
            assert breaking <= harmed, f"{dispatch} {side}: said to break, and does not"
            assert harmed <= breaking | unknown, f"{dispatch} {side}: an unsafe verdict"


def test_at_least_95_of_100_verdicts_are_decided(reports):
    counts = Counter(
        verdicts(reports(index, backwards), f"{dispatch}_{side}").get(party, "compatible")
        for index in range(len(SCHEMAS))
        for backwards in (False, True)
        for dispatch in DISPATCH
        for side in ("input", "output")
        for party in PARTIES
    )
    assert counts["unknown"] <= 0.05 * counts.total(), counts
    by_change = [
        "unknown" in verdicts(reports(index, way), f"singleton_{side}").values()
        for index in range(len(SCHEMAS))
        for way in (False, True)
        for side in ("input", "output")
    ]
    assert sum(by_change) <= 0.05 * len(by_change)


def test_every_breaking_verdict_has_a_payload_that_shows_it(reports):
    for index, row in enumerate(SCHEMAS):
        for backwards in (False, True):
            old, new = (row["new"], row["old"]) if backwards else (row["old"], row["new"])
            validators = {"old": Draft202012Validator(old), "new": Draft202012Validator(new)}
            for finding in reports(index, backwards).changes:
                for effect in finding.effects:
                    if effect.verdict.value != "breaking":
                        continue
                    shown = effect.witness
                    one, two = shown.accepted_by.split()[0], shown.refused_by.split()[0]
                    assert validators[one].is_valid(shown.value), row["name"]
                    assert not validators[two].is_valid(shown.value), row["name"]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("index", range(len(SCHEMAS)), ids=[row["name"] for row in SCHEMAS])
def test_no_instance_refutes_what_is_called_compatible(reports, index, backwards):
    row = SCHEMAS[index]
    old, new = (row["new"], row["old"]) if backwards else (row["old"], row["new"])
    found = verdicts(reports(index, backwards), "singleton_input")
    before, after = Draft202012Validator(old), Draft202012Validator(new)
    for value in instances(old, new):
        if "hosts" not in found:
            assert after.is_valid(value) or not before.is_valid(value), value
        if "plugins" not in found:
            assert before.is_valid(value) or not after.is_valid(value), value


@pytest.mark.parametrize("row", HOOKS, ids=[row["name"] for row in HOOKS])
def test_a_change_of_a_hook_is_judged_for_everyone(tmp_path, row):
    old, new = (kind_of(tmp_path / side, with_hooks(row, side)) for side in ("old", "new"))
    report = compare(old, new)

    assert {party: report.verdict(Party(party)).value for party in PARTIES} == {
        party: row.get(party, "compatible") for party in PARTIES
    }
    assert str(report.required_bump) == row["bump"]
    for finding in report.changes:
        assert all(effect.witness is not None for effect in finding.effects)
