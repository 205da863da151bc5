"""What holds for the whole command line."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from scaffold._cli.app import app
from scaffold._cli.commands import doctor, lint

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"
VERBS = sorted(get_command(app).commands)


@pytest.mark.parametrize("verb", VERBS)
def test_the_manual_shows_the_help_of_every_verb(scaffold, monkeypatch, verb):
    monkeypatch.setenv("COLUMNS", "80")
    shown = re.findall(
        rf"```text\n\$ scaffold {verb} --help\n(.*?)```", DOCS.read_text(), re.DOTALL
    )

    assert shown == [scaffold(verb, "--help").out]


def test_the_manual_has_every_exit_status_and_no_other():
    assert set(re.findall(r"^\| (\d+) \|", DOCS.read_text(), re.MULTILINE)) == {
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "70",
        "130",
    }


def test_help_needs_nothing_heavy():
    code = "import sys; from scaffold._cli.app import app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    heavy = {
        "pydantic",
        "copier",
        "jinja2",
        "yaml",
        "mcp",
        "mcp_types",
        "msgspec",
        "rich",
        "asyncio",
    }

    assert not heavy & set(loaded.stdout.split())
    assert {name for name in loaded.stdout.split() if name.startswith("scaffold.")} == {
        *("scaffold._lazy", "scaffold._version", "scaffold._cli", "scaffold._cli.app"),
        "scaffold._cli.options",
        *(f"scaffold._cli.options.{group}" for group in ("project", "plugin", "hookspec")),
    }


@pytest.mark.parametrize("arguments", [["nope"], ["lint"], ["generate", "--nope"], ["call", "."]])
def test_a_command_line_that_makes_no_sense_exits_2_with_the_usage(scaffold, arguments):
    result = scaffold(*arguments)

    assert (result.status, result.out, "Usage: scaffold" in result.err) == (2, "", True)


def test_a_bug_is_one_line_and_a_log_with_the_traceback(scaffold, monkeypatch, hookspecs):
    def broken(path, **options):
        raise ZeroDivisionError("oops\n\x1b[31m")

    monkeypatch.setattr(lint, "lint", broken)
    result = scaffold("lint", hookspecs)

    line = r"error: a bug in scaffold: ZeroDivisionError: oops \\x1b\[31m; details are in '(.*)'\n"
    found = re.fullmatch(line, result.err)
    assert (result.status, bool(found)) == (70, True), result.err
    log = Path(found[1])
    assert "Traceback" in log.read_text()
    log.unlink()


def test_an_interrupt_exits_130(scaffold, monkeypatch, hookspecs):
    def interrupted(path, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(lint, "lint", interrupted)
    result = scaffold("lint", hookspecs)

    assert (result.status, "Traceback" in result.err) == (130, False)


def test_a_reader_that_leaves_early_is_no_error(hookspecs):
    command = [sys.executable, "-m", "scaffold", "inspect", str(hookspecs), "--json"]
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)

    assert (ended.returncode, ended.stderr) == (1, b"")


def test_nothing_is_coloured(spawn, hookspecs):
    results = [spawn("--help"), spawn("nope"), spawn("inspect", hookspecs)]

    assert not any("\x1b" in result.out + result.err for result in results)


def test_inspect_shows_a_kind_to_people(scaffold, hookspecs):
    result = scaffold("inspect", hookspecs)

    assert result.status == 0
    assert result.out.startswith("greeter 1.2.0  (greeter/v1.yaml, ")
    assert "  greet(GreetInput) -> GreetOutput\n    singleton\n    Greet somebody.\n" in result.out


def test_inspect_shows_who_enforces_which_keyword(scaffold):
    told = scaffold("inspect", "source").out
    assert (
        "    input: the model enforces all but what is left to the schema\n"
        "      /properties/types/uniqueItems\n"
        "    input: annotations, which are not enforced\n"
        "      /properties/changed_since/format\n"
        "    output: the model enforces all\n"
    ) in told

    (hook,) = json.loads(scaffold("inspect", "source", "--json").out)["hooks"]
    ledger = hook["input"]["ledger"]
    assert ledger["schema"] == ["/properties/types/uniqueItems"]
    assert "/properties/types/items" in ledger["model"]
    assert ledger["nobody"] == ["/properties/changed_since/format"]
    assert hook["output"]["ledger"]["schema"] == []


def test_inspect_prints_the_representation_for_programs(scaffold, tool_project):
    by_name = json.loads(scaffold("inspect", "tool", "--json").out)
    by_project = json.loads(scaffold("inspect", tool_project, "--json").out)

    assert by_name == by_project
    assert by_name["node"] == "Kind"
    assert [hook["name"] for hook in by_name["hooks"]] == ["get_schema", "execute"]
    assert by_name["hooks"][1]["input"]["type"]["node"] == "Reference"


def test_inspect_of_what_is_nothing_is_refused(scaffold, tmp_path):
    assert scaffold("inspect", "nope").status == 2
    assert scaffold("inspect", tmp_path).status == 2


def test_lint_of_sound_hookspecs_finds_no_error(scaffold, hookspecs):
    result = scaffold("lint", hookspecs)

    assert result.status == 0
    assert "hookspecs: 1, errors: 0" in result.err


def test_lint_prints_every_finding_in_the_format_asked_for(scaffold, hookspecs):
    (hookspecs / "greeter" / "schemas" / "greet.input.json").unlink()
    (hookspecs / "greeter" / "schemas" / "greet.output.json").write_text("{")

    text = scaffold("lint", hookspecs)
    as_json = scaffold("lint", hookspecs, "--output-format", "json")
    github = scaffold("lint", hookspecs, "--output-format", "github")

    assert (text.status, as_json.status, github.status) == (1, 1, 1)
    assert (
        "v1.yaml:8:19: missing-schema: there is no schema file 'schemas/greet.input.json'"
        in text.out
    )
    found = json.loads(as_json.out)
    assert {"missing-schema", "malformed-json"} <= {finding["code"] for finding in found}
    assert re.search(
        r"^::error file=.*v1\.yaml,line=8,col=19,title=missing-schema::", github.out, re.MULTILINE
    )


def test_lint_of_nothing_is_refused(scaffold, tmp_path):
    result = scaffold("lint", tmp_path)

    assert (result.status, "there is no hookspec in" in result.err) == (2, True)


def test_doctor_lists_what_scaffold_stands_on(scaffold):
    result = scaffold("doctor")

    assert result.status == 0
    assert re.search(r"^pydantic +\d", result.out, re.MULTILINE)


def test_doctor_says_how_to_mend_what_is_missing(scaffold, monkeypatch):
    needs = ["nowhere-to-be-found>=1; extra == 'cli'", "pydantic>=99"]
    monkeypatch.setattr(doctor, "requires", lambda _name: needs)
    monkeypatch.setenv("PATH", "")

    result = scaffold("doctor")

    assert result.status == 4
    assert "missing, needs >=1" in result.out
    assert "python -m pip install --upgrade 'hookspec-scaffold[cli]'" in result.out
    assert ", needs >=99" in result.out
    assert re.search(r"^git +missing$", result.out, re.MULTILINE)
