"""`scaffold call`, over real processes and sockets of this machine."""

import json
from pathlib import Path

import pytest
from projects import write

PLUGIN = """\
from demo._generated.tool_v1 import Function, ToolPlugin, ExecuteOutput
from scaffold.contract import HookError


class DemoPlugin(ToolPlugin):
    def get_schema(self):
        parameters = {"type": "object", "properties": {"n": {"type": "integer"}}}
        return [Function(name="work", description="Works.", parameters=parameters)]

    def execute(self, payload):
        BODY
"""


def body(project, *lines):
    write(project / "demo" / "plugin.py", PLUGIN.replace("BODY", "\n        ".join(lines)))


def test_a_new_plugin_answers_the_same_over_every_runtime(spawn, tool_project):
    result = spawn("call", tool_project, "execute", "--compare")

    assert result.status == 0, result.err
    assert json.loads(result.out)["result"] == "Hello, world!"
    assert "the same over in_process, mcp_stdio, mcp_http" in result.err


@pytest.mark.parametrize("runtime", ["in_process", "mcp_stdio", "mcp_http"])
def test_one_runtime_can_be_asked_for(scaffold, tool_project, runtime):
    result = scaffold("call", tool_project, "get_schema", "--runtime", runtime)

    assert result.status == 0, result.err
    assert json.loads(result.out)[0]["description"] == "Greet somebody."


def test_input_comes_from_the_command_line_a_file_or_stdin(spawn, demo, tmp_path):
    body(demo, 'return ExecuteOutput(result=payload.args["n"])')
    text = '{"function": "work", "args": {"n": 7}}'
    write(tmp_path / "input.json", text)

    inline = spawn("call", demo, "execute", "--input", text)
    file = spawn("call", demo, "execute", "--input", f"@{tmp_path}/input.json")
    piped = spawn("call", demo, "execute", "--input", "-", stdin=None, input=text)

    assert {inline.out, file.out, piped.out} == {'{"result":7}\n'}


def test_what_a_plugin_prints_does_not_get_into_the_answer(spawn, demo):
    body(demo, 'print("noise")', "return ExecuteOutput(result=1)")

    result = spawn("call", demo, "execute")

    assert json.loads(result.out)["result"] == 1
    assert "noise" in result.err


def test_an_error_of_the_hook_goes_to_stderr_with_its_code(scaffold, demo):
    body(demo, 'raise HookError("tool_failed", "no luck", {"tries": 3})')

    plain = scaffold("call", demo, "execute")
    as_json = scaffold("call", demo, "execute", "--json")

    assert (plain.status, plain.out, plain.err) == (5, "", "tool_failed: no luck\n")
    assert as_json.status == 5
    error = {"code": "tool_failed", "data": {"tries": 3}, "message": "no luck"}
    assert json.loads(as_json.out) == {"error": error}


def test_the_same_error_everywhere_is_an_agreement(scaffold, demo):
    body(demo, 'raise HookError("tool_failed", "no luck", {"tries": 3})')

    result = scaffold("call", demo, "execute", "--compare")

    assert (result.status, result.out) == (0, "")
    assert "tool_failed: no luck\n" in result.err


@pytest.mark.parametrize("runtime", ["in_process", "mcp_stdio", "mcp_http"])
def test_the_traceback_of_a_plugin_is_shown_and_its_whole_log_is_named(spawn, demo, runtime):
    body(demo, 'raise RuntimeError("no disk")')

    result = spawn("call", demo, "execute", "--runtime", runtime)

    assert result.status == 5
    *traceback, error, help_line = result.err.splitlines()
    assert "Traceback (most recent call last):" in traceback
    assert traceback[-1] == "RuntimeError: no disk"
    assert error.startswith(
        "internal: execute: plugin 'demo' raised RuntimeError; the traceback is"
    )
    log = Path(help_line.split("'")[1])
    assert "RuntimeError: no disk" in log.read_text("utf-8")
    log.unlink()


def test_an_exception_of_the_plugin_is_internal_everywhere(scaffold, demo):
    body(demo, "raise ValueError('secret')")

    result = scaffold("call", demo, "execute", "--compare", "--json")

    assert result.status == 0, result.out
    outcomes = json.loads(result.out)
    assert {outcome["error"]["code"] for outcome in outcomes.values()} == {"internal"}
    assert "secret" not in result.out


def test_runtimes_that_differ_are_shown_side_by_side(scaffold, demo):
    body(demo, "import os", "return ExecuteOutput(result=os.getpid())")

    result = scaffold("call", demo, "execute", "--compare")

    assert result.status == 1
    assert "--- in_process\n+++ mcp_stdio\n" in result.out
    as_json = scaffold("call", demo, "execute", "--compare", "--json")
    assert (as_json.status, len(json.loads(as_json.out))) == (1, 3)


def test_times_are_reported_for_every_runtime(scaffold, tool_project):
    result = scaffold("call", tool_project, "execute", "--compare", "--repeat", "20", "--json")

    assert result.status == 0, result.err
    rows = json.loads(result.out)
    assert set(rows) == {"in_process", "mcp_stdio", "mcp_http"}
    assert all(row["count"] == 20 and 0 < row["p50_us"] <= row["p99_us"] for row in rows.values())


def test_times_are_printed_for_people_too(scaffold, tool_project):
    result = scaffold("call", tool_project, "execute", "--repeat", "5")

    assert result.out.startswith("in_process  5 calls  p50 ")


def test_an_input_that_breaks_the_schema_is_refused_with_path_and_rule(scaffold, tool_project):
    text = '{"function": 1, "args": {}}'
    result = scaffold("call", tool_project, "execute", "--input", text)

    assert result.status == 1
    assert "/function" in result.err
    assert "[type]" in result.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["execute", "--input", "{"], "the input is not JSON"),
        (["execute", "--input", "[" * 100_000], "the input is not JSON"),
        (["execute", "--input", "@/nowhere.json"], "cannot read '/nowhere.json'"),
        (["exexute"], "has no hook 'exexute'; it has 'get_schema', 'execute'"),
        (["execute", "--compare", "--runtime", "in_process"], "drop --runtime"),
        (["execute", "--repeat", "0"], "Invalid value for '--repeat'"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(scaffold, tool_project, arguments, reason):
    result = scaffold("call", tool_project, *arguments)

    assert (result.status, reason in result.err) == (2, True), result.err


def test_a_folder_without_a_manifest_is_refused(scaffold, tmp_path):
    result = scaffold("call", tmp_path, "execute")

    assert (result.status, "no-manifest" in result.err) == (4, True)


def test_a_runtime_that_the_manifest_does_not_offer_is_refused(scaffold, demo):
    manifest = demo / "dagstack.toml"
    manifest.write_text(manifest.read_text().replace(', "mcp_http"', ""))

    result = scaffold("call", demo, "execute", "--runtime", "mcp_http")

    assert result.status == 4
    assert "the manifest offers in_process, mcp_stdio" in result.err


def test_a_command_that_does_not_exist_is_one_clear_error(scaffold, demo):
    manifest = demo / "dagstack.toml"
    manifest.write_text(manifest.read_text().replace('["python"', '["pythoon"'))

    result = scaffold("call", demo, "execute", "--runtime", "mcp_stdio")

    assert result.status == 5
    assert "pythoon" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("runtime", ["in_process", "mcp_stdio", "mcp_http"])
def test_a_plugin_that_cannot_be_imported_is_one_clear_error(scaffold, demo, runtime):
    write(demo / "demo" / "plugin.py", "raise RuntimeError('no such luck')\n")

    result = scaffold("call", demo, "execute", "--runtime", runtime)

    assert result.status == 5
    assert "no such luck" in result.err
    assert "Traceback" not in result.err


def test_a_manifest_is_enough_for_a_server_of_somebody_else(scaffold, tool_project, tmp_path):
    write(
        tmp_path / "dagstack.toml",
        '[plugin]\nname = "other"\nkind = "tool"\nruntime = "mcp_stdio"\n'
        '[plugin.mcp_stdio]\ncommand = ["python", "-m", "demo"]\n'
        f'working_dir = "{tool_project}"\n',
    )

    result = scaffold("call", tmp_path, "get_schema")

    assert result.status == 0, result.err
    assert json.loads(result.out)[0]["description"] == "Greet somebody."


def test_a_plugin_that_floods_its_log_does_not_fill_the_memory(spawn, demo):
    body(
        demo,
        "import logging\n"
        "        for number in range(3000):\n"
        "            logging.getLogger('plugin.demo').error('record %d', number)\n"
        "        raise RuntimeError('no disk')",
    )

    result = spawn("call", demo, "execute", "--runtime", "in_process")

    log = Path(result.err.splitlines()[-1].split("'")[1])
    text = log.read_text("utf-8")
    log.unlink()
    assert text.startswith("(2001 earlier records are left out)\n")
    assert "record 1999" not in text
    assert "record 2999" in text


@pytest.mark.parametrize("command", [("call", "get_schema"), ("test", "contract")])
def test_a_secret_is_lent_only_if_it_is_named(scaffold, demo, command, monkeypatch):
    """Nothing listens at the address: the command that may send the secret finds that out."""
    monkeypatch.setenv("VAULT_TOKEN", "secret")
    (demo / "dagstack.toml").write_text(
        'name = "demo"\nkind = "tool"\nkind_api_version = "1"\nruntime = "mcp_http"\n'
        '[mcp_http]\nauth_secret_env = "VAULT_TOKEN"\nurl = "http://127.0.0.1:1/mcp"\n'
    )
    verb, what = command
    refused = scaffold(verb, demo, what)
    lent = scaffold(verb, demo, what, "--secret", "OTHER", "--secret", "VAULT_TOKEN")

    assert refused.status == lent.status == 5
    assert "'VAULT_TOKEN', which is not lent" in refused.out + refused.err
    assert "--secret VAULT_TOKEN" in refused.out + refused.err
    assert "lent" not in lent.out + lent.err
