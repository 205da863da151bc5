from pathlib import Path

import pytest

from scaffold.contract._errors.errors import ManifestInvalid
from scaffold.host import CORE_VERSION, Manifest, read_manifest
from scaffold.manifest._model import McpHttp, McpStdio, Resources, UnitOfWork

MINIMAL = """
[plugin]
name = "demo"
kind = "tool"
runtime = "in_process"
entry_point = "demo.plugin:DemoPlugin"
"""


def written(folder: Path, text: str, name: str = "dagstack.toml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def refusal(folder: Path, text: str, name: str = "dagstack.toml") -> str:
    with pytest.raises(ManifestInvalid) as caught:
        read_manifest(written(folder, text, name))
    assert str(caught.value) == caught.value.reason
    return caught.value.reason.replace(f"{folder}/", "")


def test_a_short_manifest_gets_safe_defaults(tmp_path):
    manifest = read_manifest(written(tmp_path, MINIMAL))

    assert manifest.runtime == ("in_process",)
    assert (manifest.schema_version, manifest.kind_api_version, manifest.major) == ("1", "1", 1)
    assert (manifest.startup_timeout_sec, manifest.teardown_timeout_sec) == (30, 15)
    assert manifest.execution_model == "sync"
    assert manifest.file == tmp_path / "dagstack.toml"
    assert manifest.folder == tmp_path


def test_every_table_of_the_reference_is_read(tmp_path):
    manifest = read_manifest(
        written(
            tmp_path,
            """
[plugin]
schema_version = "1.0.0"
name = "demo"
kind = "tool"
kind_api_version = "2.1.0"
core_version = ">=0.2.0"
version = "3.0"
description = "All of it"
runtime = ["mcp_http", "in_process", "mcp_stdio"]
entry_point = "plugin:Demo"
priority = 5
depends_on = ["other"]
supports_mime_types = ["text/plain"]
fallback = true
execution_model = "thread_cpu_bound"

[plugin.mcp_stdio]
command = ["python", "-m", "demo"]
working_dir = "src"
env = { PYTHONUNBUFFERED = "1" }
startup_timeout_sec = 45

[plugin.mcp_http]
url = "https://plugins.example.com/tool/v1"
auth_header = "X-API-Token"
auth_secret_env = "EXAMPLE_API_TOKEN"
timeout_sec = 120
tls_ca_bundle = "corp-ca.pem"

[plugin.resources]
required = ["http_client"]

[plugin.unit_of_work]
declared = true
idempotency_mode = "input_hash"

[plugin.metadata]
team = { name = "search" }
""",
        )
    )

    assert manifest.major == 2
    assert manifest.mcp_stdio is not None
    assert manifest.mcp_stdio.command == ("python", "-m", "demo")
    assert manifest.mcp_http is not None
    assert manifest.mcp_http.auth_secret_env == "EXAMPLE_API_TOKEN"
    assert manifest.resources.required == ("http_client",)
    assert manifest.unit_of_work.idempotency_mode == "input_hash"
    assert manifest.metadata == {"team": {"name": "search"}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dagstack-plugin.toml", 'name="demo"\nkind="tool"\nruntime="mcp_stdio"\ncommand=["x"]\n'),
        (
            "dagstack_plugin.toml",
            '[tool.dagstack.plugin]\nname="demo"\nkind="tool"\nruntime="mcp_stdio"\ncommand=["x"]',
        ),
        (
            "dagstack.json",
            (
                '{"plugin": {"name": "demo", "kind": "tool", "runtime": "mcp_stdio", '
                '"command": ["x"], "entry_point": null, "env": null, "url": null, "auth": null}}'
            ),
        ),
        (
            "dagstack-plugin.json",
            '{"name": "demo", "kind": "tool", "runtime": ["mcp_stdio"], "command": ["x"]}',
        ),
        (
            "pyproject.toml",
            (
                '[project]\nname="x"\n[tool.dagstack.plugin]\nname="demo"\nkind="tool"\n'
                'runtime="mcp_stdio"\n[tool.dagstack.plugin.mcp_stdio]\ncommand=["x"]\n'
            ),
        ),
        (
            "package.json",
            (
                '{"name": "x", "dagstack": {"name": "demo", "kind": "tool", '
                '"runtime": "mcp_stdio", "command": ["x"]}}'
            ),
        ),
    ],
)
def test_a_manifest_is_found_in_every_file_that_may_hold_one(tmp_path, name, text):
    by_folder = read_manifest(written(tmp_path, text, name))
    by_file = read_manifest(tmp_path / name)

    assert by_folder == by_file
    assert by_folder.name == "demo"
    assert by_folder.mcp_stdio is not None
    assert by_folder.mcp_stdio.command == ("x",)


def test_a_project_file_without_our_section_is_no_manifest(tmp_path):
    written(tmp_path, "[project]\nname = 'x'\n", "pyproject.toml")

    assert "no-manifest: this folder has no manifest" in refusal(tmp_path, "{}", "other.json")
    with pytest.raises(ManifestInvalid, match="no-section: the section"):
        read_manifest(tmp_path / "pyproject.toml")


def test_dagstacks_flat_endpoint_and_token_are_understood(tmp_path):
    manifest = read_manifest(
        written(
            tmp_path,
            'name="d"\nkind="tool"\nruntime="mcp_http"\ncore_version=">=0.2.0"\n'
            'endpoint="http://localhost:9/rpc"\nauth={token="swordfish"}\nenv={KEY="swordfish"}\n',
        )
    )

    assert manifest.mcp_http is not None
    assert manifest.mcp_http.url == "http://localhost:9/rpc"
    assert "swordfish" not in repr(manifest)


def test_everything_wrong_is_reported_at_once_and_in_its_place(tmp_path):
    text = """[plugin]
nam = "demo"
kind = 1
runtime = [
  "in_proces",
  "mcp_stdio",
]
entry_point = "plugin.Demo"
priority = -1
core_version = "^0.2.0"
kind_api_version = "v1"
tryfirst = true
trylast = true

[plugin.mcp_stdio]
comand = ["x"]
env = { TOKEN = 17, OTHER = "swordfish" }

[plugin.mcp_http]
url = "ftp://example.com"
tls_verify = false

[mcp_http]
"""
    assert refusal(tmp_path, text) == (
        "dagstack.toml:1:1: missing-key: 'name' is required\n"
        "dagstack.toml:2:1: unknown-key: the key 'nam' is unknown\n"
        "  help: did you mean 'name'?\n"
        "dagstack.toml:3:8: wrong-type: 'kind' is a string, not an integer\n"
        "dagstack.toml:5:3: unknown-value: 'runtime.0' cannot be 'in_proces'\n"
        "  help: did you mean 'in_process'?\n"
        "dagstack.toml:6:3: missing-key: runtime 'mcp_stdio' needs 'mcp_stdio.command'\n"
        "  help: say it, or drop the runtime\n"
        "dagstack.toml:8:15: invalid-entry-point: 'plugin.Demo' names no class in a module\n"
        "  help: 'module:Class', such as 'demo.plugin:DemoPlugin'\n"
        "dagstack.toml:9:12: out-of-range: 'priority' must be 0 or more\n"
        "dagstack.toml:10:16: invalid-range: '^0.2.0' is not a range of versions\n"
        "  help: a range as PEP 440 writes it, such as '>=0.4,<1'\n"
        "dagstack.toml:11:20: invalid-version: 'v1' is not a version of a kind\n"
        "  help: a major version, such as '1', or all of it, such as '1.0.0'\n"
        "dagstack.toml:13:1: contradiction: 'tryfirst' and 'trylast' are both true\n"
        "  help: drop one of them\n"
        "dagstack.toml:16:1: unknown-key: the key 'mcp_stdio.comand' is unknown\n"
        "  help: did you mean 'command'?\n"
        "dagstack.toml:17:17: wrong-type: 'mcp_stdio.env.TOKEN' is a string, not an integer\n"
        "dagstack.toml:20:7: invalid-url: it is not an http or https URL\n"
        "  help: such as 'http://127.0.0.1:8080/mcp'\n"
        "dagstack.toml:21:14: tls-verify-off: certificates are left unchecked in development only\n"
        "  help: name your authority with 'tls_ca_bundle', or set SCAFFOLD_ENV=development\n"
        "dagstack.toml:23:1: unknown-key: 'mcp_http' stands next to 'plugin' and is not read\n"
        "  help: move it: 'plugin.mcp_http'"
    )


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (
            "dagstack.toml",
            "[plugin\n",
            "dagstack.toml:1:8: invalid-toml: expected ']' at the end of a table declaration",
        ),
        (
            "dagstack.toml",
            '[plugin]\nname = "a',
            "dagstack.toml:2:10: invalid-toml: unterminated string",
        ),
        (
            "dagstack.json",
            '{"name": 1,\n oops}',
            "dagstack.json:2:2: invalid-json: expecting property name enclosed in double quotes",
        ),
        ("dagstack.json", "[]", "dagstack.json:1:1: wrong-type: a manifest is an object"),
        (
            "dagstack.toml",
            "x = " + "[" * 5000 + "]" * 5000,
            "dagstack.toml:1:1: too-deep: values are nested too deeply",
        ),
    ],
)
def test_text_that_cannot_be_parsed_is_pointed_at(tmp_path, name, text, reason):
    assert refusal(tmp_path, text, name) == reason


def test_a_byte_that_is_not_utf_8_is_pointed_at(tmp_path):
    (tmp_path / "dagstack.toml").write_bytes(b"[plugin]\nname = '\xe9\xff'\n")

    with pytest.raises(ManifestInvalid, match=r"dagstack\.toml:2:9: invalid-encoding: "):
        read_manifest(tmp_path)


def test_a_folder_that_does_not_exist_is_said_not_to(tmp_path):
    with pytest.raises(ManifestInvalid, match="no-manifest: the file or folder does not exist"):
        read_manifest(tmp_path / "nowhere")


def test_a_core_version_that_this_host_has_not_is_refused(tmp_path):
    reason = refusal(tmp_path, f'{MINIMAL}core_version = ">=0.2.0,<0.3.0"\n')

    assert reason == (
        "dagstack.toml:7:16: core-version: "
        f"the plugin needs core version '>=0.2.0,<0.3.0', and this host has {CORE_VERSION}\n"
        "  help: widen the range if the plugin works here, or take another release of the plugin"
    )


def test_unchecked_certificates_are_for_development(tmp_path, monkeypatch):
    text = (
        'name="d"\nkind="tool"\nruntime="mcp_http"\n[mcp_http]\nurl="https://h/"\ntls_verify=false'
    )

    assert "dagstack.toml:6:12: tls-verify-off" in refusal(tmp_path, text)
    monkeypatch.setenv("SCAFFOLD_ENV", "development")
    manifest = read_manifest(tmp_path)
    assert manifest.mcp_http is not None
    assert manifest.mcp_http.tls_verify is False


def test_a_password_in_a_url_is_refused_and_not_repeated(tmp_path):
    text = 'name="d"\nkind="tool"\nruntime="mcp_http"\nurl="https://me:swordfish@h/"\n'
    reason = refusal(tmp_path, text)

    assert "dagstack.toml:4:5: secret-in-url" in reason
    assert "swordfish" not in reason


def test_a_value_said_flat_and_in_its_table_is_refused(tmp_path):
    text = 'name="d"\nkind="tool"\nruntime="mcp_stdio"\ncommand=["a"]\n[mcp_stdio]\ncommand=["b"]\n'
    assert refusal(tmp_path, text) == (
        "dagstack.toml:4:1: said-twice: 'command' is also given as 'mcp_stdio.command'\n"
        "  help: keep one of them"
    )


def test_a_file_in_another_language_is_a_fine_entry_point(tmp_path):
    text = MINIMAL.replace("demo.plugin:DemoPlugin", "./dist/index.js")

    assert read_manifest(written(tmp_path, text)).entry_point == "./dist/index.js"


@pytest.mark.parametrize("table", [Manifest, McpStdio, McpHttp, Resources, UnitOfWork])
def test_every_key_is_documented(table):
    page = Path(__file__).parents[2].joinpath("docs/manifest.md").read_text(encoding="utf-8")

    assert not [key for key in table.model_fields if f"`{key}`" not in page]
    assert CORE_VERSION in page


@pytest.mark.parametrize("name", ["a\\nb", "a\\u001b[2J", " a", "a\\u202eb", "a\\tb", "x" * 215])
def test_a_name_that_a_terminal_would_obey_is_refused(tmp_path, name):
    (tmp_path / "dagstack.toml").write_text(
        f'[plugin]\nname = "{name}"\nkind = "tool"\nruntime = "mcp_http"\n'
        '[plugin.mcp_http]\nurl = "http://127.0.0.1:1/mcp"\n'
    )
    with pytest.raises(ManifestInvalid, match=r"dagstack\.toml:2:8: "):
        read_manifest(tmp_path)
