"""What other people wrote is shown on a terminal, and never obeyed by it."""

import ast
import json
from pathlib import Path

import pytest

import scaffold._cli.commands
from scaffold._cli.commands.lint import print_findings
from scaffold._cli.reporting.output import print_json_text, print_lines, print_message
from scaffold._printable import printable, printable_line
from scaffold.generator._source.diagnostics import Diagnostic

HOSTILE = "a\x1b]0;owned\x07\x9b2J\x7f\r\u202eb\u2066\u200b\ufeff\x85\u2028"


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\x1b", r"\x1b"),
        ("\r", r"\r"),
        ("\x00", r"\x00"),
        ("\x7f", r"\x7f"),
        ("\x9b", r"\x9b"),
        ("\u202e", r"\u202e"),
        ("\u2066", r"\u2066"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_a_control_character_is_shown_as_an_escape(character, shown):
    assert printable(f"a{character}b") == f"a{shown}b"


@pytest.mark.parametrize("text", ["a\tb\nc", "größer", "日本語", "👩‍👩‍👧", "مرحبا", "a\u00a0b"])
def test_other_text_is_shown_as_it_is(text):
    assert printable(text) == text


def test_a_name_stays_on_its_line():
    assert printable_line("a\nb") == r"a\nb"


def test_all_output_is_escaped(capsys):
    print_lines([HOSTILE])
    print_message(HOSTILE)
    out, err = capsys.readouterr()
    assert out == err == r"a\x1b]0;owned\x07\x9b2J\x7f\r\u202eb\u2066\u200b\ufeff\x85\u2028" + "\n"


def test_json_holds_the_same_value_without_a_control_character(capsys):
    value = {"text": HOSTILE + "\ud800\U000e0041"}
    print_json_text(json.dumps(value, ensure_ascii=False))
    out = capsys.readouterr().out
    assert printable(out) == out
    assert json.loads(out) == value


def test_a_line_of_others_is_no_workflow_command(capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    print_lines(["::add-mask::x", "a\n  ::error::b", "##[group]c", "d::e", "# heading [x]"])
    assert capsys.readouterr().out.splitlines() == [
        r"\x3a:add-mask::x",
        "a",
        r"  \x3a:error::b",
        r"\x23#[group]c",
        "d::e",
        "# heading [x]",
    ]


@pytest.mark.parametrize("text", ["##[error]x", "#\u00ad#\u200d[error]x"])
def test_the_older_workflow_command_is_escaped_anywhere_in_a_line(capsys, monkeypatch, text):
    """The runner looks for it with `IndexOf`, not only where a line begins."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    value = {"description": f"Run it. {text}"}
    print_lines([f"{value['description']} {text}"])
    print_json_text(json.dumps(value, ensure_ascii=False))
    line, as_json = capsys.readouterr().out.splitlines()
    assert line == rf"Run it. \x23{text[1:]} \x23{text[1:]}"
    assert text not in as_json
    assert json.loads(as_json) == value


@pytest.mark.parametrize("text", ["\u200d::error::x", ":\u00ad:error::x", "\u3000\ufe0f::error::x"])
def test_ignorable_characters_do_not_hide_a_workflow_command(capsys, monkeypatch, text):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    print_lines([text])
    assert capsys.readouterr().out == text.replace(":", r"\x3a", 1) + "\n"


def test_output_outside_of_github_actions_keeps_these_characters(capsys, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    print_lines(["::a", "b ##[c]"])
    print_json_text('"##[c]"')
    assert capsys.readouterr().out.splitlines() == ["::a", "b ##[c]", '"##[c]"']


def test_annotations_are_workflow_commands_without_control_characters(capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    finding = Diagnostic("::a.yaml", 1, 2, "unknown-key", f"no key {HOSTILE}\n::error::b")
    print_findings([finding], "github")
    out = capsys.readouterr().out
    assert out.startswith(
        "::error file=%3A%3Aa.yaml,line=1,col=2,title=unknown-key::no key a\\x1b]0"
    )
    assert out.count("\n") == 1


def writes(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            text = ast.unparse(node.func)
            if (
                text in {"print", "typer.echo"}
                or ".stdout.write" in text
                or ".stderr.write" in text
            ):
                yield f"{text} in line {node.lineno}"


@pytest.mark.parametrize(
    "module",
    sorted(Path(scaffold._cli.commands.__file__).parent.glob("*.py")),
    ids=lambda path: path.stem,
)
def test_no_other_module_of_the_commands_writes_to_a_terminal(module):
    found = list(writes(ast.parse(module.read_text("utf-8"))))
    assert found == [] or module.stem == "output"


def test_a_newline_in_a_name_forges_no_line(scaffold, tmp_path):
    project = tmp_path / "a\nall: ok"
    project.mkdir()
    (project / "pyproject.toml").write_text('[tool.scaffold]\nkind = "a\\nb: ok"\nx = 1\n')
    listed = scaffold("status", "-r", tmp_path).out.splitlines()
    assert r"a\nall: ok" in listed[0]
    assert all(line.startswith("  ") for line in listed[1:])

    refused = scaffold("check", project / "gone\nscaffold: ok").err
    assert "\nscaffold: ok" not in refused
    assert r"gone\nscaffold: ok" in refused

    finding = Diagnostic("a\nb.yaml", 1, 2, "unknown-key", "no key 'x\nb.yaml:1:1: ok'", "a\nb")
    assert str(finding).splitlines() == [
        r"a\nb.yaml:1:2: unknown-key: no key 'x\nb.yaml:1:1: ok'",
        "  help: a",
        "b",
    ]
