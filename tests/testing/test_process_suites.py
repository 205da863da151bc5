"""Parity, hygiene and faults: plugins and servers that are wrong, each caught by name."""

import json
from importlib.resources import files

import pytest

from scaffold._cli.commands.test import subject_in
from scaffold.testing._suites import checks_of, run_check

BOTH = ("in_process", "mcp_stdio")
STDIO = ("mcp_stdio",)

PLUGINS = [
    ("process_id", "same-answers", BOTH, (), "process("),
    ("here_only", "same-context", BOTH, (), "here not there"),
    ("loud", "unread-stderr", STDIO, (), "because its stderr was not read"),
    ("late", "startup-budget", STDIO, ("startup_timeout_sec = 0.5",), "within 0.5 s"),
    ("locking", "killed-mid-call", STDIO, (), "cannot be started after its process was killed"),
    ("failing", "declared-errors", BOTH, (), "fails with 'internal'"),
]
FAULTS = [
    ("noisy", "clean-stdout", "careless 1.0 is starting"),
    ("parent", "end-of-input", "child processes still run"),
    pytest.param("staying", "end-of-input", "still runs 5 s", marks=pytest.mark.slow),
    pytest.param("deaf", "sigterm", "still runs 5 s", marks=pytest.mark.slow),
    ("brittle", "malformed-input", "answers nothing more after the line"),
    ("narrow", "oversized-input", "answers nothing more after a message of 2 MB"),
    ("polite", "unknown-names", "'tools/call' of "),
    ("wrapped", "deadline", "process ended in"),
    ("", "same-refusals", "over mcp_stdio {"),
]


@pytest.mark.parametrize("wrong", PLUGINS, ids=[one[0] for one in PLUGINS])
def test_a_plugin_that_is_wrong_is_caught_by_name(plugin, tried, wrong, monkeypatch):
    monkeypatch.setattr("scaffold.testing._checks.process_checks._FLOOD_TIMEOUT", 1.5)
    name, check, runtime, keys, said = wrong
    result = tried(plugin(name, *keys, runtime=runtime), check)

    assert (result.outcome, said in str(result)) == ("wrong", True), result


@pytest.mark.parametrize(("fault", "check", "said"), FAULTS)
def test_a_server_that_is_wrong_is_caught_by_name(plugin, tried, fault, check, said):
    folder = plugin("echo", runtime=BOTH, server="careless", env={"FAULT": fault})
    result = tried(folder, check)

    assert (result.outcome, said in str(result)) == ("wrong", True), result


@pytest.mark.parametrize(
    "check", ["clean-stdout", "end-of-input", "malformed-input", "unknown-names", "oversized-input"]
)
def test_a_server_of_somebody_else_without_a_fault_passes(plugin, tried, check):
    folder = plugin("echo", runtime=BOTH, server="careless")

    assert tried(folder, check).outcome == "ok"


def test_a_hook_that_takes_longer_than_its_timeout_is_named(plugin, tried):
    folder = plugin("slow")
    contract = json.loads((files("scaffold.kinds") / "text_processor_v1/contract.json").read_text())
    contract["hooks"]["process"]["timeout"] = 0.2
    own = folder / "own" / "_generated" / "text_processor_v1"
    own.mkdir(parents=True)
    (own / "contract.json").write_text(json.dumps(contract))
    result = tried(folder, "time-limit")

    assert str(result).startswith("slow.py:9: time-limit: process("), result


@pytest.mark.parametrize("check", ["sigterm", "killed-mid-call", "same-answers"])
def test_a_plugin_without_a_process_is_left_out(plugin, tried, check):
    assert tried(plugin("echo"), check).outcome == "skipped"


def test_what_a_plugin_prints_in_process_stays_out_of_stdout(plugin, tried, capfd):
    assert tried(plugin("printing"), "progress").outcome == "ok"

    out, err = capfd.readouterr()
    assert (out, "working" in err) == ("", True)


def test_a_plugin_that_is_elsewhere_is_tried_where_it_is(plugin):
    folder = plugin("echo", runtime=STDIO, server="careless")
    manifest = folder / "dagstack.toml"
    manifest.write_text(manifest.read_text().replace('entry_point = "echo:Plugin"\n', ""))
    subject = subject_in(folder)
    outcomes = {check.name: run_check(check, subject).outcome for check in checks_of(["contract"])}

    assert set(outcomes.values()) == {"ok", "skipped"}, outcomes
    assert (outcomes["idempotency"], outcomes["progress"]) == ("ok", "ok")
